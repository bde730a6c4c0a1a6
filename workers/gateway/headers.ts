/** Security headers of what the Worker itself answers; those of the static pages are in `_headers`. */

/** An answer of the API is data: nothing in it may run, load or be framed. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/** The answer with its headers, and `more` of them. A copy: the headers of a redirect or an asset are read-only. */
export function secured(response: Response, url: URL, more: Record<string, string>): Response {
  if (response.status === 101) return response;
  const answer = new Response(response.body, response);
  const { headers } = answer;
  const defaults: Record<string, string> = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    ...(isPage(headers) ? {} : { "content-security-policy": DATA_POLICY }),
    ...(url.protocol === "https:" ? { "strict-transport-security": "max-age=31536000; includeSubDomains" } : {}),
  };
  for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return answer;
}

const isPage = (headers: Headers): boolean => /html|javascript|css|image|font/.test(headers.get("content-type") ?? "");
