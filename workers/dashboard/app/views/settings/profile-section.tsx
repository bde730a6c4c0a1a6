/** Who the reader is, and their password. */
import { useState } from "preact/hooks";
import { changeName, changePassword } from "../../api/identity.ts";
import { changeUser, user } from "../../api/session.ts";
import { Field, Form, NewPassword, PasswordField, passwordOf, textOf } from "../../ui/form.tsx";
import { Saved } from "./parts.tsx";

export function ProfileSection() {
  return (
    <>
      <NamePanel />
      <PasswordPanel />
    </>
  );
}

function NamePanel() {
  const [saved, setSaved] = useState(false);
  const work = async (values: FormData) => {
    const name = textOf(values, "name");
    setSaved(false);
    await changeName(name);
    changeUser({ name });
    setSaved(true);
  };
  return (
    <section class="panel">
      <h2>You</h2>
      <p class="panel-lead">Other members of your stores see this name beside what you do.</p>
      <Form submit="Save" busy="Saving…" work={work} testid="profile-save" aside={saved && <Saved />}>
        <Field
          label="Name"
          name="name"
          autocomplete="name"
          defaultValue={user.value?.name ?? ""}
          maxLength={200}
          required
          data-testid="field-name"
        />
        <Field
          label="E-mail"
          name="email"
          defaultValue={user.value?.email ?? ""}
          readOnly
          hint="You log in with it. It stays as it is for as long as the account does."
        />
      </Form>
    </section>
  );
}

function PasswordPanel() {
  const [saved, setSaved] = useState(false);
  const work = async (values: FormData, form: HTMLFormElement) => {
    setSaved(false);
    await changePassword(passwordOf(values, "currentPassword"), passwordOf(values, "newPassword"));
    form.reset();
    setSaved(true);
  };
  return (
    <section class="panel">
      <h2>Password</h2>
      <p class="panel-lead">A new password ends your sessions on all other devices.</p>
      <Form
        submit="Change the password"
        busy="Changing…"
        work={work}
        testid="password-save"
        aside={saved && <Saved text="Changed. Other devices have to log in again." />}
      >
        <input type="hidden" name="username" autocomplete="username" value={user.value?.email ?? ""} />
        <PasswordField
          label="Current password"
          name="currentPassword"
          autocomplete="current-password"
          data-testid="field-currentPassword"
        />
        <NewPassword label="New password" name="newPassword" />
      </Form>
    </section>
  );
}
