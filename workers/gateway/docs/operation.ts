/** One route of the reference. */
import { curlOf } from "./curl.ts";
import { bodyTable, field } from "./fields.ts";
import { type Html, html, prose } from "./html.ts";
import { sampleOf } from "./sample.ts";
import { type Answer, nameOf, type Parameter, type Placed, resolved, type Schema, type Spec } from "./spec.ts";

const TONES: Record<string, string> = {
  GET: "active",
  POST: "good",
  PUT: "recovering",
  PATCH: "recovering",
  DELETE: "bad",
};

export const methodBadge = (method: string): Html =>
  html`<span class="method" data-tone="${TONES[method] ?? "closed"}">${method}</span>`;

export function operationArticle(spec: Spec, placed: Placed): Html {
  const { method, path, operation } = placed;
  const { operationId, summary, description } = operation;
  return html`<article class="operation" id="${operationId}" aria-labelledby="${operationId}-title" data-find="${`${method} ${path} ${summary} ${operationId}`.toLowerCase()}">
<header><h3 id="${operationId}-title"><a href="#${operationId}">${summary}</a></h3>
<p class="route">${methodBadge(method)} <code class="path">${broken(path)}</code></p>
<ul class="tags">${access(placed)}</ul>
${description ? html`<p class="about">${prose(description)}</p>` : null}</header>
<div class="columns"><div class="said">
${parameterTables(spec, operation.parameters ?? [])}${requestTable(spec, placed)}${answers(spec, operation.responses)}
</div><div class="shown">${code("Request", curlOf(spec, placed))}${sampleAnswer(spec, operation.responses)}</div></div>
</article>`;
}

/** Long paths may break at their slashes. */
const broken = (path: string): Html =>
  html`${path.split(/(?<=\/)/).map((part, i) => html`${i > 0 ? html`<wbr>` : null}${part}`)}`;

const WHO: Record<string, string> = {
  public: "Open to anybody",
  publishable: "Publishable key",
  member: "Any user or secret key of the store",
  user: "Users only, no keys",
};

function access({ operation }: Placed): Html {
  const permission = operation["x-permission"];
  return html`<li class="tag${permission ? " tag-permission" : ""}">${permission ? html`needs <code>${permission}</code>` : (WHO[operation["x-access"]] ?? operation["x-access"])}</li>${
    operation["x-limit"] === "strict"
      ? html`<li class="tag">Strictly limited: passwords and codes are tried here</li>`
      : null
  }`;
}

const PLACES: [Parameter["in"], string][] = [
  ["path", "Path"],
  ["query", "Query"],
  ["header", "Headers"],
];

const parameterTables = (spec: Spec, parameters: Parameter[]): Html =>
  html`${PLACES.map(([place, title]) => {
    const mine = parameters.filter((parameter) => parameter.in === place);
    if (mine.length === 0) return null;
    return html`<h4>${title}</h4><dl class="fields">${mine.map(({ name, schema, description, required }) =>
      field({ spec, answer: false }, name, description ? { ...schema, description } : schema, required === true),
    )}</dl>`;
  })}`;

function requestTable(spec: Spec, { operation }: Placed): Html | null {
  const { requestBody } = operation;
  const schema = requestBody && Object.values(requestBody.content)[0]?.schema;
  return schema ? html`<h4>Body</h4>${bodyTable({ spec, answer: false }, schema)}` : null;
}

function answers(spec: Spec, responses: Record<string, Answer>): Html {
  const good = Object.entries(responses).filter(([, answer]) => answer.$ref === undefined);
  const problems = Object.entries(responses).filter(([status, { $ref }]) => $ref !== undefined && status !== "default");
  return html`<h4>Answers</h4><ul class="answers">${good.map(([status, answer]) => answerItem(spec, status, answer))}</ul>
<p class="problems"><span class="soft">Problems</span> ${problems.map(
    ([status, { $ref = "" }]) =>
      html`<a class="problem" href="#problem-${nameOf($ref)}">${status} ${codeOf(nameOf($ref))}</a> `,
  )}</p>`;
}

/** `ValidationError` → `VALIDATION_ERROR`. */
export const codeOf = (name: string): string => name.replace(/(?<=.)([A-Z])/g, "_$1").toUpperCase();

function answerItem(spec: Spec, status: string, { description, content }: Answer): Html {
  const [type, media] = Object.entries(content ?? {})[0] ?? [];
  const schema = type?.includes("json") ? media?.schema : undefined;
  return html`<li><p><span class="status" data-tone="${status < "400" ? "good" : "bad"}">${status}</span> ${prose(description)}${
    type && !schema ? html` <code>${type}</code>` : null
  }</p>${schema ? bodyTable({ spec, answer: true }, schema) : null}</li>`;
}

function sampleAnswer(spec: Spec, responses: Record<string, Answer>): Html | null {
  const found = Object.entries(responses).find(
    ([status, { content }]) => status < "400" && content?.["application/json"],
  );
  const schema: Schema | undefined = found?.[1].content?.["application/json"]?.schema;
  if (!found || !schema || Object.keys(resolved(spec, schema)).length === 0) return null;
  return code(`Answer ${found[0]}`, JSON.stringify(sampleOf(spec, schema, false), null, 2));
}

/** Scrolls by keyboard when it is wider than its place. */
export const code = (title: string, text: string): Html =>
  html`<figure class="code"><figcaption>${title}</figcaption><pre tabindex="0" aria-label="${title}"><code>${text}</code></pre></figure>`;
