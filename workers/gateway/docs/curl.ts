/** An example request for a shell. */
import { sampleOf } from "./sample.ts";
import type { Parameter, Placed, Spec } from "./spec.ts";

/** Stands for the address of this server in what is built once; filled in for each request. */
export const ORIGIN = "https://cartwake.invalid";

export function curlOf(spec: Spec, { method, path, operation }: Placed): string {
  const { parameters = [], requestBody, security } = operation;
  const at = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(placeholder(spec, path, name)));
  const query = parameters.filter((parameter) => parameter.in === "query" && parameter.required);
  const asked = query.map(({ name, schema }) => `${name}=${sampleOf(spec, schema, true, name)}`).join("&");
  const lines = [`curl${method === "GET" ? "" : ` -X ${method}`} "${ORIGIN}${at}${asked === "" ? "" : `?${asked}`}"`];
  if (security.some((way) => "accessToken" in way)) lines.push('-H "Authorization: Bearer $TOKEN"');
  if (takes(parameters, "Idempotency-Key")) lines.push('-H "Idempotency-Key: $(uuidgen)"');
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema && schema.format !== "binary") {
    const body = JSON.stringify(sampleOf(spec, schema, true), null, 2).replaceAll("\n", "\n  ");
    lines.push('-H "Content-Type: application/json"', `-d '${body.replaceAll("'", "'\\''")}'`);
  }
  const [type, file] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (file?.schema.format === "binary") lines.push(`-H "Content-Type: ${type}"`, "--data-binary @file");
  return lines.join(" \\\n  ");
}

const takes = (parameters: Parameter[], name: string): boolean =>
  parameters.some((parameter) => parameter.name === name);

/** `/v1/carts/{id}` → `cart-1`. */
function placeholder(spec: Spec, path: string, name: string): string {
  const before = path.split("/").at(path.split("/").indexOf(`{${name}}`) - 1) ?? "";
  const kind = before.replace(/ies$/, "y").replace(/s$/, "").replace(/\W/g, "-");
  return name === "id" ? `${kind}-1` : String(sampleOf(spec, { type: "string" }, true, name)).replace("…", name);
}
