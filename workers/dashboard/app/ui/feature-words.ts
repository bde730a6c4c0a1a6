/** What the models' features are called, and what their values say, from their own descriptions. */
import { FEATURES } from "../../../../shared/model/features.ts";
import { words } from "../format.ts";

const KNOWN: ReadonlyMap<string, { unit: string; doc: string }> = new Map(FEATURES.map((feature) => [feature.name, feature]));

/** `Repeat views`; a model that was trained elsewhere has names of its own. */
export const featureName = (name: string): string => words(name);
export const featureDoc = (name: string): string | null => KNOWN.get(name)?.doc ?? null;
