/** Two-factor authentication: set up, confirmed by a first code, then recovery codes; new codes and the way back out. */
import { useState } from "preact/hooks";
import { disableMfa, enableMfa, type MfaSetup, renewRecoveryCodes, setUpMfa } from "../../api/identity.ts";
import { changeUser, user } from "../../api/session.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Confirm } from "../../ui/dialog.tsx";
import { saveFile } from "../../ui/file.ts";
import { CodeField, codeOf, Form, PasswordField, passwordOf, RecoveryCodeField } from "../../ui/form.tsx";
import { NewHeading, Secret, ShownOnce } from "./parts.tsx";

/** The password is asked for once, and goes with both steps. */
interface Begun {
  setup: MfaSetup;
  password: string;
}

export function TwoFactorPanel() {
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [begun, setBegun] = useState<Begun | null>(null);
  if (codes) return <RecoveryCodes codes={codes} done={() => setCodes(null)} />;
  if (begun) {
    const enabled = (given: readonly string[]) => {
      setBegun(null);
      setCodes(given);
      changeUser({ mfaEnabled: true });
    };
    return <SetUp {...begun} enabled={enabled} cancel={() => setBegun(null)} />;
  }
  return user.value?.mfaEnabled ? <Enabled renewed={setCodes} /> : <Disabled begun={setBegun} />;
}

function Disabled({ begun }: { begun: (begun: Begun) => void }) {
  const work = async (values: FormData) => {
    const password = passwordOf(values, "password");
    begun({ setup: await setUpMfa(password), password });
  };
  return (
    <section class="panel">
      <h2>
        Two-factor authentication{" "}
        <span class="chip" data-tone="still">
          Off
        </span>
      </h2>
      <p class="panel-lead">
        With it, a password alone opens nothing: logging in also asks for a code from an app on your phone.
      </p>
      <Form submit="Set it up" busy="Preparing…" work={work} testid="mfa-setup">
        <PasswordField
          label="Your password"
          name="password"
          autocomplete="current-password"
          data-testid="mfa-password"
        />
      </Form>
    </section>
  );
}

function SetUp(props: Begun & { enabled: (codes: readonly string[]) => void; cancel: () => void }) {
  const { secret, otpauthUrl, qr } = props.setup;
  const work = async (values: FormData) =>
    props.enabled((await enableMfa(props.password, codeOf(values))).recoveryCodes);
  return (
    <section class="panel">
      <NewHeading>Set up two-factor authentication</NewHeading>
      <ol class="steps">
        <li>
          <p>Scan this picture with an authenticator: Aegis, 1Password, Google Authenticator or any other.</p>
          <div class="qr">
            {/* As an image, so that nothing in it can run. */}
            <img
              src={`data:image/svg+xml,${encodeURIComponent(qr)}`}
              alt="QR code for the authenticator"
              width={208}
              height={208}
            />
            <div>
              <p>
                On this device? <a href={otpauthUrl}>Open it in the authenticator</a>, or type the secret in by hand:
              </p>
              <Secret text={secret} shown={secret.replace(/(.{4})(?=.)/g, "$1 ")} label="Copy the secret" />
            </div>
          </div>
        </li>
        <li>
          <p>Enter the code that it shows, to prove that it works.</p>
          <Form
            submit="Turn it on"
            busy="Checking…"
            work={work}
            testid="mfa-enable"
            aside={
              <button type="button" class="button" onClick={props.cancel}>
                Cancel
              </button>
            }
          >
            <CodeField />
          </Form>
        </li>
      </ol>
    </section>
  );
}

function RecoveryCodes({ codes, done }: { codes: readonly string[]; done: () => void }) {
  const text = codes.join("\n");
  const file = () =>
    saveFile(
      new Blob([`Recovery codes of ${user.value?.email} for Cartwake\n\n${text}\n`]),
      "cartwake-recovery-codes.txt",
    );
  return (
    <ShownOnce
      title="Keep these recovery codes"
      done="I have kept them"
      onDone={done}
      actions={
        <>
          <CopyButton text={text} label="Copy" />
          <button type="button" class="button" onClick={file}>
            Download
          </button>
          <button type="button" class="button" onClick={() => print()}>
            Print
          </button>
        </>
      }
    >
      <p>
        If the phone is lost, each of them opens the account once. They are shown now and never again: print them, or
        put them where your passwords are, but not on the phone.
      </p>
      <ol class="recovery-codes" data-testid="recovery-codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
    </ShownOnce>
  );
}

function Enabled({ renewed }: { renewed: (codes: readonly string[]) => void }) {
  const [asking, setAsking] = useState<"codes" | "off" | null>(null);
  const close = () => setAsking(null);
  return (
    <section class="panel">
      <h2>
        Two-factor authentication{" "}
        <span class="chip" data-tone="good" data-testid="mfa-on">
          On
        </span>
      </h2>
      <p class="panel-lead">Logging in asks for a code of your authenticator, or for one of your recovery codes.</p>
      <div class="form-actions">
        <button type="button" class="button" onClick={() => setAsking("codes")} data-testid="mfa-codes">
          New recovery codes
        </button>
        <button type="button" class="button" onClick={() => setAsking("off")} data-testid="mfa-off">
          Turn it off
        </button>
      </div>
      {asking === "codes" && (
        <Confirm
          title="New recovery codes"
          confirm="Make new codes"
          busy="Making them…"
          onConfirm={async (values) => renewed((await renewRecoveryCodes(codeOf(values))).recoveryCodes)}
          onClose={close}
        >
          <p>The codes that you have now stop working.</p>
          <RecoveryCodeField label="Code, or a recovery code" />
        </Confirm>
      )}
      {asking === "off" && <TurnOff close={close} />}
    </section>
  );
}

function TurnOff({ close }: { close: () => void }) {
  const off = async (values: FormData) => {
    await disableMfa(passwordOf(values, "password"), codeOf(values));
    changeUser({ mfaEnabled: false });
  };
  return (
    <Confirm
      title="Turn two-factor authentication off?"
      confirm="Turn it off"
      busy="Turning it off…"
      tone="danger"
      onConfirm={off}
      onClose={close}
    >
      <p>From then on your password alone opens the account. The recovery codes are deleted.</p>
      <PasswordField label="Password" name="password" autocomplete="current-password" data-testid="field-password" />
      <RecoveryCodeField label="Code, or a recovery code" />
    </Confirm>
  );
}
