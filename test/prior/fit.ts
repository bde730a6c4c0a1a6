/** `npm run prior`: fits the prior model anew and writes it into the code. The same code gives the same bytes. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, FIT, fitPrior, SHORT } from "./fitting.ts";

const FILE = join(import.meta.dirname, "../../shared/model/prior-model.ts");

const { model, figures } = fitPrior(FIT);
const text = `/** Made by \`npm run prior\`: fitted on simulated visits, see \`prior.ts\`. Not to be edited. */
import type { Model } from "./model.ts";

export const FITTED: Model = ${JSON.stringify(model)};

export const FIGURES = ${JSON.stringify(figures)};

/** Of the short fit that the tests repeat. */
export const SHORT_DIGEST = "${digestOf(fitPrior(SHORT))}";
`;
const biome = join(import.meta.dirname, "../../node_modules/.bin/biome");
const formatted = execFileSync(biome, ["format", `--stdin-file-path=${FILE}`], { input: text });
writeFileSync(FILE, formatted);
const { metrics, rocAuc, compared } = figures;
const { rocAuc: auc, logLoss, ece, rows } = metrics;
process.stdout.write(
  `${JSON.stringify({ bytes: formatted.length, rows, compared, auc, logLoss, ece, rocAuc }, null, 2)}\n`,
);
