/** `/openapi.json` and `/docs`: the API, described from its own declarations. Made once in each isolate, when asked for. */
import * as z from "zod";
import { sha256 } from "../../../shared/ids.ts";
import { ORIGIN } from "../docs/curl.ts";
import { docsPage } from "../docs/page.ts";
import type { Spec } from "../docs/spec.ts";
import { openApi } from "../openapi.ts";
import { type Call, open, type Route } from "../route.ts";

/** No other host, nothing inline. */
const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/** A caller may send any host: one with quotes in it must not get into the texts. */
const SANE = /^https?:\/\/[\w.:[\]-]+$/;

/** The texts, with a stand-in for the address at which they are asked for. */
function textsOf(routes: () => readonly Route[]) {
  let document: string | undefined;
  let page: string | undefined;
  const json = (): string => {
    document ??= JSON.stringify(openApi(routes(), ORIGIN));
    return document;
  };
  const html = (): string => {
    page ??= docsPage(JSON.parse(json()) as Spec);
    return page;
  };
  return { json, html };
}

async function answer({ request, url }: Call, template: string, headers: Record<string, string>): Promise<Response> {
  const text = SANE.test(url.origin) ? template.replaceAll(ORIGIN, url.origin) : template;
  const etag = `"${(await sha256(text)).slice(0, 22)}"`;
  const common = { "cache-control": "public, max-age=300", etag, ...headers };
  const known = request.headers.get("if-none-match")?.split(",") ?? [];
  const fresh = known.some((given) => given.trim().replace(/^W\//, "") === etag);
  return fresh ? new Response(null, { status: 304, headers: common }) : new Response(text, { headers: common });
}

const UNCHANGED = { description: "`If-None-Match` named what the caller has already" };

/** `all`: every route, these included. */
export function routes(all: () => readonly Route[]): Route[] {
  const texts = textsOf(all);
  return [
    open(
      {
        method: "GET",
        path: "/openapi.json",
        operationId: "getOpenApi",
        tag: "Operations",
        summary: "Read this API as an OpenAPI 3.1 document",
        answers: {
          200: { description: "The document", schema: z.looseObject({ openapi: z.string() }) },
          304: UNCHANGED,
        },
      },
      (call) =>
        answer(call, texts.json(), {
          "content-type": "application/json; charset=utf-8",
          "access-control-allow-origin": "*",
        }),
    ),
    open(
      {
        method: "GET",
        path: "/docs",
        operationId: "getDocs",
        tag: "Operations",
        summary: "Read this API as a page",
        answers: { 200: { description: "The reference", type: "text/html" }, 304: UNCHANGED },
      },
      (call) =>
        answer(call, texts.html(), {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": POLICY,
          "x-frame-options": "DENY",
        }),
    ),
  ];
}
