/** A new pool, and codes on their way into one. */
import { useId, useState } from "preact/hooks";
import { CODE_BYTES, MAX_ADDED_CODES, MAX_POOL_CODES } from "../../../../../shared/coupon-codes.ts";
import type { CouponPoolView } from "../../../../../shared/coupons.ts";
import { type AddedCodes, addCodes, addCsv, createPool } from "../../api/coupons.ts";
import { Problem } from "../../api/http.ts";
import { may } from "../../api/session.ts";
import { plural } from "../../format.ts";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { saveFile } from "../../ui/file.ts";
import { Field, Form, textOf } from "../../ui/form.tsx";
import { csvOf, csvParts, newCodes, withPart } from "./codes.ts";

export function NewPool({ changed }: { changed: () => void }) {
  const [asking, setAsking] = useState(false);
  if (!may("campaigns:write")) return null;
  const make = async (values: FormData) => {
    await createPool(textOf(values, "name"));
    changed();
  };
  return (
    <>
      <button type="button" class="button button-primary" onClick={() => setAsking(true)} data-testid="pool-new">
        New pool
      </button>
      {asking && (
        <Confirm title="New pool" confirm="Create" busy="Creating…" onConfirm={make} onClose={() => setAsking(false)}>
          <Field label="Name" name="name" maxLength={200} required data-testid="pool-name" />
        </Confirm>
      )}
    </>
  );
}

interface Props {
  pool: CouponPoolView;
  changed: () => void;
  onClose: () => void;
}

/** More than a full pool, with room for other columns: it is held in memory while it is sent in pieces. */
const LARGEST_BYTES = 32 * 1024 * 1024;

const tooLarge = (): Problem =>
  new Problem({
    status: 0,
    code: "PAYLOAD_TOO_LARGE",
    title: "The file is too large",
    detail: `A pool holds at most ${MAX_POOL_CODES} codes: leave out what is not needed.`,
  });

export function ImportDialog({ pool, changed, onClose }: Props) {
  const id = useId();
  const [outcome, setOutcome] = useState<AddedCodes | null>(null);
  const send = async (values: FormData) => {
    const file = values.get("file");
    if (!(file instanceof File)) return;
    if (file.size > LARGEST_BYTES) throw tooLarge();
    let sum: AddedCodes | null = null;
    try {
      for (const part of csvParts(await file.text())) {
        sum = withPart(sum, await addCsv(pool.id, new Blob([part.text])), part);
        setOutcome(sum); // what is in stays in, if a later piece is refused
      }
      if (sum === null) setOutcome({ added: 0, duplicates: 0, rejected: [], rejectedCount: 0 });
    } finally {
      changed();
    }
  };
  return (
    <Dialog title={`Import codes into ${pool.name}`} onClose={onClose}>
      <Form
        submit={outcome ? "Import another" : "Import"}
        busy="Importing…"
        work={send}
        testid="confirm"
        aside={<Close onClose={onClose} />}
      >
        {outcome && <Outcome outcome={outcome} />}
        <div class="field">
          <label for={id}>CSV file</label>
          <input
            id={id}
            type="file"
            name="file"
            accept=".csv,.txt,text/csv,text/plain"
            required
            aria-describedby={`${id}-hint`}
            data-testid="codes-file"
          />
          <p class="field-hint" id={`${id}-hint`}>
            A code in the first column of each line. They are given out in this order.
          </p>
        </div>
      </Form>
    </Dialog>
  );
}

export function GenerateDialog({ pool, changed, onClose }: Props) {
  const [made, setMade] = useState<{ codes: string[]; outcome: AddedCodes } | null>(null);
  const make = async (values: FormData) => {
    const count = Number(textOf(values, "count"));
    const codes = newCodes(count, textOf(values, "prefix"), CODE_BYTES, (bytes) => crypto.getRandomValues(bytes));
    const outcome = await addCodes(pool.id, codes);
    setMade({ codes, outcome });
    changed();
  };
  const save = () => made && saveFile(new Blob([csvOf(made.codes)], { type: "text/csv" }), `${pool.name}.csv`);
  if (made)
    return (
      <Dialog title={`Codes made for ${pool.name}`} onClose={onClose}>
        <div class="form">
          <Outcome outcome={made.outcome} />
          <p>Your shop has to know them: they can be read nowhere else once this is closed.</p>
          <div class="form-actions">
            <button type="button" class="button button-primary" onClick={save} data-testid="codes-save">
              Save them as CSV
            </button>
            <Close onClose={onClose} />
          </div>
        </div>
      </Dialog>
    );
  return (
    <Dialog title={`Make codes for ${pool.name}`} onClose={onClose}>
      <Form submit="Make them" busy="Making…" work={make} testid="confirm" aside={<Close onClose={onClose} />}>
        <p>Codes that nobody guesses, for you to save and to import into your shop.</p>
        <CountField />
        <Field
          label="They begin with"
          name="prefix"
          maxLength={20}
          pattern="[\x21-\x7E]*"
          title="Letters, digits and signs, without spaces"
          placeholder="SPRING-"
          data-testid="codes-prefix"
        />
      </Form>
    </Dialog>
  );
}

function CountField() {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>How many</label>
      <input
        id={id}
        type="number"
        name="count"
        inputMode="numeric"
        min={1}
        max={MAX_ADDED_CODES}
        step={1}
        defaultValue="100"
        required
        data-testid="codes-count"
      />
    </div>
  );
}

const Close = ({ onClose }: Pick<Props, "onClose">) => (
  <button type="button" class="button" onClick={onClose} data-testid="dialog-cancel">
    Close
  </button>
);

/** Lines that are shown; whoever has more wrong has the wrong file. */
const MOST = 20;

function Outcome({ outcome: { added, duplicates, rejected, rejectedCount } }: { outcome: AddedCodes }) {
  const shown = rejected.slice(0, MOST);
  return (
    <div class="outcome" role="status" data-testid="outcome">
      <p>
        <b>{plural(added, "code")} added</b>
        {duplicates > 0 && `, ${duplicates} known already`}
        {rejectedCount > 0 && `, ${rejectedCount} refused`}
        {added + duplicates + rejectedCount === 0 && ": the file is empty"}
      </p>
      {shown.length > 0 && (
        <ul>
          {shown.map(({ line, message }) => (
            <li key={line}>
              Line {line}: {message}
            </li>
          ))}
          {rejectedCount > shown.length && <li>and {rejectedCount - shown.length} more</li>}
        </ul>
      )}
    </div>
  );
}
