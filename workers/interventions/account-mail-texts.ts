/** What the mails about accounts say. One layout for all: no pictures, nothing that reports back that it was read. */
import type { AccountMailData } from "../../shared/db/account-mails.ts";
import { withoutAddresses, withoutLinks } from "../../shared/names.ts";
import { type Rendered, render } from "../../shared/templates.ts";

/** A test of a template is no mail about an account: the store wrote it. */
type Kind = Exclude<keyof AccountMailData, "template_test">;
export type AccountMailOf = { [K in Kind]: { kind: K; data: AccountMailData[K] } }[Kind];

interface Content {
  subject: string;
  title: string;
  paragraphs: string[];
  button?: { label: string; url: string };
  /** Why the reader gets this, and what to do if it was not them. */
  note: string;
}

const CHANGE_IT = "If it was not you, set a new password at once: choose “Forgot your password?” on the login page.";
const IGNORE = "If it was not you, there is nothing to do: nothing changes unless the link is followed.";

/** `link`: where the button leads. `createdAt` is when it happened. */
function contentOf(mail: AccountMailOf, link: string, createdAt: number): Content {
  const login = { label: "Log in", url: link };
  const at = utc(createdAt);
  switch (mail.kind) {
    case "password_reset":
      return {
        subject: "Set a new password for Cartwake",
        title: "Set a new password",
        paragraphs: ["Somebody asked for a new password for your account. The link works once, for an hour."],
        button: { label: "Set a new password", url: link },
        note: IGNORE,
      };
    case "password_changed":
      return {
        subject: "Your Cartwake password was changed",
        title: "Your password was changed",
        paragraphs: [`Your password was changed on ${at}. You were logged out wherever else you were logged in.`],
        button: login,
        note: CHANGE_IT,
      };
    case "mfa_enabled":
      return {
        subject: "Two-factor login is on for your Cartwake account",
        title: "Two-factor login is on",
        paragraphs: [
          `Since ${at} your account asks for a code of your authenticator app at each login.`,
          "Keep the recovery codes where you find them without your phone.",
        ],
        button: login,
        note: CHANGE_IT,
      };
    case "mfa_disabled":
      return {
        subject: "Two-factor login is off for your Cartwake account",
        title: "Two-factor login is off",
        paragraphs: [`Since ${at} the password alone opens your account.`],
        button: login,
        note: CHANGE_IT,
      };
    case "locked":
      return {
        subject: "Your Cartwake account is locked for a while",
        title: "Your account is locked",
        paragraphs: [
          `There were too many wrong passwords or codes in a row. Until ${utc(mail.data.until)} nobody can log in, not even with the right password.`,
          "To log in before that, set a new password: choose “Forgot your password?” on the login page.",
        ],
        button: { label: "To the login page", url: link },
        note: "If it was not you, somebody is guessing. A long password and two-factor login keep them out.",
      };
    case "invitation":
      return invitation(mail.data, link);
  }
}

/** The names are what a stranger typed: they must not carry links into a mail of ours. */
function invitation({ storeName, inviter, role }: AccountMailData["invitation"], link: string): Content {
  const store = withoutLinks(storeName).slice(0, 100) || "a store";
  const who = withoutAddresses(inviter) || "A member of the store";
  return {
    subject: `Join ${store} on Cartwake`,
    title: `Join ${store}`,
    paragraphs: [`${who} invites you to ${store} on Cartwake, as ${role.replaceAll("_", " ")}.`],
    button: { label: "See the invitation", url: link },
    note: "If you do not know what this is about, there is nothing to do.",
  };
}

/** `21 November 2026, 10:05 UTC`: mails know no time zone of their reader. */
const utc = (ms: number): string =>
  `${new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" })
    .format(Math.min(ms, Date.UTC(9999, 0)))
    .replace(" at ", ", ")} UTC`;

/** Where a link leads when it has no token. */
export const LOGIN_PATH = "/app/";

export const renderAccountMail = (mail: AccountMailOf, link: string, createdAt: number): Promise<Rendered> =>
  render(LAYOUT, contentOf(mail, link, createdAt));

const LAYOUT = {
  subject: "{{ subject }}",
  text: `{{ title }}

{% for paragraph in paragraphs %}{{ paragraph }}

{% endfor %}{% if button %}{{ button.label }}:
{{ button.url }}

{% endif %}{{ note }}

-- 
Cartwake
`,
  html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{{ subject }}</title>
<style>
@media (prefers-color-scheme: dark) { .page { background: #16181d !important; } .card { background: #20242b !important; color: #eceef2 !important; } .soft { color: #a9b0bd !important; } .line { border-color: #343a44 !important; } }
</style></head>
<body style="margin:0">
<div class="page" style="background:#f3f1ec;padding:32px 12px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<div class="card" style="max-width:520px;margin:0 auto;background:#ffffff;color:#22262e;border-radius:14px;padding:32px">
<p class="soft" style="margin:0 0 20px;color:#5f6775;font-size:14px;letter-spacing:.02em">Cartwake</p>
<h1 style="margin:0 0 16px;font-size:24px;line-height:1.25">{{ title }}</h1>
{% for paragraph in paragraphs %}<p style="margin:0 0 16px;font-size:16px;line-height:1.55">{{ paragraph }}</p>
{% endfor %}{% if button %}<p style="margin:28px 0"><a href="{{ button.url }}" style="display:inline-block;background:#1d5c4a;color:#ffffff;text-decoration:none;font-weight:600;font-size:16px;padding:14px 26px;border-radius:10px">{{ button.label }}</a></p>
<p class="soft" style="margin:0 0 20px;color:#5f6775;font-size:13px;line-height:1.5">Or open this address: <span style="word-break:break-all">{{ button.url }}</span></p>
{% endif %}<p class="soft line" style="margin:24px 0 0;padding-top:20px;border-top:1px solid #e5e2da;color:#5f6775;font-size:13px;line-height:1.5">{{ note }}</p>
</div></div></body></html>`,
};
