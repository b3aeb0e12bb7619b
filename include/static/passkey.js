// A passkey is made, or signs, when the form is sent: the browser is asked first, and its answer goes along in the form. Without this
// script one uses a code.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = named(options.excludeCredentials);
    const made = await navigator.credentials.create({ publicKey: options });
    return {
      rawId: text(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
      },
    };
  };

  const get = async (options) => {
    options.challenge = bytes(options.challenge);
    options.allowCredentials = named(options.allowCredentials);
    const signed = await navigator.credentials.get({ publicKey: options });
    return {
      rawId: text(signed.rawId),
      type: signed.type,
      response: {
        clientDataJSON: text(signed.response.clientDataJSON),
        authenticatorData: text(signed.response.authenticatorData),
        signature: text(signed.response.signature),
      },
    };
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const failed = form.querySelector("[data-passkey-failed]");
    form.addEventListener("submit", async (event) => {
      if (form.elements.antwoord.value) return;
      event.preventDefault();
      failed.hidden = true;
      try {
        const ask = form.dataset.passkey === "create" ? create : get;
        form.elements.antwoord.value = JSON.stringify(await ask(JSON.parse(form.dataset.options)));
      } catch {
        failed.hidden = false;
        return;
      }
      form.submit();
    });
  }
})();
