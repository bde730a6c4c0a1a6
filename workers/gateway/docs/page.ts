/**
 * The API reference, rendered from the OpenAPI document into one page that needs no script: ready-made viewers bring
 * megabytes of it and want `unsafe-inline`. Its styles and its script stand beside this file.
 */
import { ORIGIN } from "./curl.ts";
import { bodyTable, fieldTable, objectAnchor } from "./fields.ts";
import { type Html, html, prose } from "./html.ts";
import { code, codeOf, methodBadge, operationArticle } from "./operation.ts";
import { nameOf, operationsOf, type Placed, type Spec } from "./spec.ts";

export function docsPage(spec: Spec): string {
  const all = operationsOf(spec);
  const groups = spec.tags.map((tag) => ({
    ...tag,
    placed: all.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="description" content="Every route of the Cartwake API.">
<title>Cartwake API reference</title><link rel="icon" href="/app/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/docs.css"><script src="/docs/docs.js" defer></script></head>
<body><a class="skip" href="#content">Skip to the content</a>
<header class="top-bar"><a class="brand" href="/docs">${mark}Cartwake <span>API</span></a>
<span class="version">${spec.info.version}</span><nav class="places" aria-label="Elsewhere"><a href="/openapi.json">OpenAPI</a><a href="/app/">Dashboard</a></nav></header>
<div class="frame"><nav class="routes" aria-label="Routes" id="routes"><ul>
<li><a class="group" href="#start">Start here</a></li>
${groups.map(({ name, placed }) => html`<li data-group><a class="group" href="#tag-${name}">${name}</a><ul>${placed.map(link)}</ul></li>`)}
<li><a class="group" href="#objects">Objects</a></li></ul></nav>
<main id="content" tabindex="-1">${start(spec, all.length)}
${groups.map(
  ({ name, description, placed }) => html`<section class="tag-section" aria-labelledby="tag-${name}" data-section>
<h2 id="tag-${name}">${name}</h2><p class="lead">${prose(description)}</p>${placed.map((one) => operationArticle(spec, one))}</section>`,
)}
${objects(spec)}</main></div></body></html>
`.text;
}

const link = ({ method, operation }: Placed): Html =>
  html`<li><a href="#${operation.operationId}" data-of="${operation.operationId}"><span class="short" aria-hidden="true">${methodBadge(method)}</span>${operation.summary}</a></li>`;

const mark = html`<svg class="wake-mark" width="26" height="26" viewBox="0 0 32 32" fill="none" stroke-width="3" stroke-linecap="round" aria-hidden="true"><path class="wake-mark-foam" d="M4 10c4-5.2 8-5.2 12 0s8 5.2 12 0"/><path d="M4 17.5c4-5.2 8-5.2 12 0s8 5.2 12 0"/><path class="wake-mark-faint" d="M10 25c2-2.6 4-2.6 6 0s4 2.6 6 0"/></svg>`;

function start(spec: Spec, count: number): Html {
  const { responses, securitySchemes, schemas } = spec.components;
  return html`<section class="start" aria-labelledby="start"><h1 id="start">API reference</h1>
<p class="lead">${count} routes over HTTPS: JSON in camelCase, times in ISO 8601 UTC, money as <code>{ "amount": "12.30", "currency": "EUR" }</code>.
This page is made from the same declarations that check every request; so is <a href="/openapi.json">the OpenAPI 3.1 document</a>.</p>
<div class="cards">
<div class="card"><h2>Authenticate</h2><dl class="ways">${Object.entries(securitySchemes).map(
    ([name, { description }]) => html`<div><dt>${WAYS[name] ?? name}</dt><dd>${prose(description)}</dd></div>`,
  )}</dl></div>
<div class="card"><h2>Conventions</h2><dl class="ways">
<div><dt>Lists</dt><dd>take <code>limit</code> and <code>cursor</code> and answer <code>{ items, nextCursor }</code>; <code>null</code> ends them.</dd></div>
<div><dt>Writes</dt><dd>take an <code>Idempotency-Key</code>: a repeat within a day gets the same answer and changes nothing more.</dd></div>
<div><dt>Updates</dt><dd>take <code>If-Match</code> with the <code>ETag</code> that was read, where two people may edit.</dd></div>
<div><dt>Limits</dt><dd>are told by <code>X-RateLimit-*</code>; every answer has an <code>x-request-id</code>.</dd></div>
</dl></div></div>
${code("A first request", FIRST)}
<h2 id="problems">Problems</h2><p class="lead">Every refusal is <code>application/problem+json</code> with a stable <code>code</code>.</p>
<div class="columns"><dl class="ways problem-list">${Object.entries(responses).map(
    ([name, { description }]) =>
      html`<div id="problem-${name}"><dt><code>${codeOf(name)}</code></dt><dd>${prose(description.replace(/^`\w+`: /, ""))}</dd></div>`,
  )}</dl><div class="shown">${schemas.Problem ? fieldTable({ spec, answer: true }, schemas.Problem) : null}</div></div></section>`;
}

const WAYS: Record<string, string> = {
  accessToken: "Access token",
  secretKey: "Secret key",
  publishableKey: "Publishable key",
};

const FIRST = `export TOKEN=cw_sk_…   # or an access token
curl "${ORIGIN}/v1/carts?status=abandoned" -H "Authorization: Bearer $TOKEN"`;

/** The named objects that answers are made of. */
const objects = (spec: Spec): Html =>
  html`<section aria-labelledby="objects" data-section><h2 id="objects">Objects</h2><p class="lead">What answers are made of. They may gain fields.</p>${Object.entries(
    spec.components.schemas,
  )
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([
        name,
        schema,
      ]) => html`<article class="object" id="${objectAnchor(name)}" aria-labelledby="${objectAnchor(name)}-title">
<h3 id="${objectAnchor(name)}-title">${nameOf(name)}</h3>${schema.properties ? html`${schema.description ? html`<p class="soft">${prose(schema.description)}</p>` : null}${fieldTable({ spec, answer: true }, schema)}` : html`${bodyTable({ spec, answer: true }, schema)}${schema.enum ? html`<p class="values">${schema.enum.map((value) => html`<code>${String(value)}</code> `)}</p>` : null}`}</article>`,
    )}</section>`;
