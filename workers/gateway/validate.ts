/** The one place where a request's query and body become what its route declared; a 400 names every wrong field. */
import type * as z from "zod";
import { AppError } from "../../shared/errors.ts";
import { fieldErrors } from "../../shared/events/schema.ts";
import { MAX_BODY, readBytes, readJson, readText } from "../../shared/http.ts";
import type { Call } from "./route.ts";

interface Shapes<Q extends z.ZodType, B extends z.ZodType> {
  query?: Q;
  body?: B;
  maxBody?: number;
  textBody?: string;
  fileBody?: readonly string[];
}

/** Wrong fields that are named: a body of thousands says the same of all of them. */
const MAX_ERRORS = 100;

export async function parsed<Q extends z.ZodType, B extends z.ZodType>(
  shapes: Shapes<Q, B>,
  call: Call,
): Promise<Call<z.infer<Q>, z.infer<B>>> {
  const { query, body } = shapes;
  const asked = query ? check(query, Object.fromEntries(call.url.searchParams), "query") : ({} as z.infer<Q>);
  const sent = body ? check(body, await read(shapes, call.request), "body") : (undefined as z.infer<B>);
  return { ...call, query: asked, body: sent };
}

function read(
  { maxBody = MAX_BODY, textBody, fileBody }: Shapes<z.ZodType, z.ZodType>,
  request: Request,
): Promise<unknown> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (fileBody) {
    // A browser does not know the type of every file.
    if (type && !fileBody.includes(type))
      throw new AppError("UNSUPPORTED_MEDIA_TYPE", `Send one of ${fileBody.join(", ")}.`);
    return readBytes(request, maxBody);
  }
  return textBody !== undefined && type === textBody ? readText(request, maxBody) : readJson(request, maxBody);
}

/** What a schema makes of a value, or a 400. `what` is said to the client. */
export function check<S extends z.ZodType>(schema: S, value: unknown, what: string): z.infer<S> {
  const result = schema.safeParse(value);
  if (!result.success)
    throw new AppError(
      "VALIDATION_ERROR",
      `The ${what} is not valid.`,
      fieldErrors(result.error.issues).slice(0, MAX_ERRORS),
    );
  return result.data;
}
