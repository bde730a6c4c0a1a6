/** A model that was trained elsewhere. The server reads what kind of file it is, and says what is wrong with it. */
import { useId } from "preact/hooks";
import { importModel } from "../../api/models.ts";
import { modelHref, replaceRoute } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Field, textOf } from "../../ui/form.tsx";

const LONGEST = 100;

export function ImportDialog({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const id = useId();
  const send = async (values: FormData) => {
    const file = values.get("file");
    if (!(file instanceof File)) return;
    const name = (textOf(values, "name") || file.name).slice(0, LONGEST);
    const columns = textOf(values, "columns").split(/[\s,]+/);
    const made = await importModel(file, name, columns.filter(Boolean).join());
    onDone();
    replaceRoute(modelHref(made.version));
  };
  return (
    <Confirm title="Import a model" confirm="Import" busy="Reading the file…" onConfirm={send} onClose={onClose}>
      <p class="panel-lead">
        XGBoost JSON, LightGBM text or an ONNX tree ensemble, trained on what carts know. It comes to staging, and
        scores nothing until somebody decides so.
      </p>
      <div class="field">
        <label for={id}>File</label>
        <input id={id} type="file" name="file" accept={ACCEPTED} required data-testid="import-file" />
      </div>
      <Field label="Name" name="name" maxLength={LONGEST} hint="Empty: the file’s." data-testid="import-name" />
      <div class="field">
        <label for={`${id}-columns`}>Features</label>
        <textarea
          id={`${id}-columns`}
          name="columns"
          rows={2}
          maxLength={8_000}
          autocapitalize="off"
          spellcheck={false}
          placeholder="adds, removes, checkoutStage, …"
          aria-describedby={`${id}-columns-hint`}
          data-testid="import-columns"
        />
        <p class="field-hint" id={`${id}-columns-hint`}>
          What the model’s columns are, in their order. Empty: the file’s own names.
        </p>
      </div>
    </Confirm>
  );
}

const ACCEPTED = ".json,.txt,.onnx,.model,.cartwake";
