/** Coupons that were given out, and the pools of the shop's own codes. */
import type { addedCodesView, CouponPoolView, CouponStatus, CouponView } from "../../../../shared/coupons.ts";
import { call, get, one, type Page, upload } from "./client.ts";

export type AddedCodes = typeof addedCodesView._zod.output;

export interface CouponFilter {
  /** In full, in any case. */
  code?: string;
  status?: CouponStatus;
}

const PATH = "/v1/coupon-pools";
const codesOf = (poolId: string): string => `${one(PATH, poolId)}/codes`;

export const listPools = () => get<Page<CouponPoolView>>(PATH);
export const createPool = (name: string) => call<CouponPoolView>("POST", PATH, { name });
export const deletePool = (id: string) => call("DELETE", one(PATH, id));
export const addCodes = (id: string, codes: readonly string[]) => call<AddedCodes>("POST", codesOf(id), { codes });
export const addCsv = (id: string, csv: Blob) => upload<AddedCodes>(codesOf(id), csv, "text/csv");

export const listCoupons = (filter: CouponFilter, cursor?: string) =>
  get<Page<CouponView>>(`/v1/coupons?${new URLSearchParams({ ...filter, limit: "25", ...(cursor && { cursor }) })}`);
