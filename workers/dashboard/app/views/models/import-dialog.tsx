/** A model that was trained elsewhere. The server reads what kind of file it is, and says what is wrong with it. */
import { useId } from "preact/hooks";
import { importModel } from "../../api/models.ts";
import { modelHref, replaceRoute } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Field, textOf } from "../../ui/form.tsx";

export function ImportDialog({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const id = useId();
  const send = async (values: FormData) => {
    const file = values.get("file");
    if (!(file instanceof File)) return;
    const made = await importModel(file, textOf(values, "name") || file.name);
    onDone();
    replaceRoute(modelHref(made.version));
  };
  return (
    <Confirm title="Import a model" confirm="Import" busy="Reading the file…" onConfirm={send} onClose={onClose}>
      <p class="panel-lead">
        XGBoost JSON, LightGBM text or an ONNX tree ensemble, trained on the features of this store’s examples. It comes
        to staging, and scores nothing until somebody decides so.
      </p>
      <div class="field">
        <label for={id}>File</label>
        <input
          id={id}
          type="file"
          name="file"
          accept=".json,.ubj,.txt,.onnx,.model"
          required
          data-testid="import-file"
        />
      </div>
      <Field label="Name" name="name" maxLength={100} hint="Empty: the file’s." data-testid="import-name" />
    </Confirm>
  );
}
