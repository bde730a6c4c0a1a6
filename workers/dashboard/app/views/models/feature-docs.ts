/** What each feature means, in the words of its own description. */
import { FEATURES } from "../../../../../shared/model/features.ts";

const DOCS: ReadonlyMap<string, string> = new Map(FEATURES.map(({ name, doc }) => [name, doc]));

/** `null`: of a model that was trained elsewhere. */
export const featureDoc = (name: string): string | null => DOCS.get(name) ?? null;
