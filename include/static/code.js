// A link or QR code may hold the code behind a "#", which no server and no mail scanner gets to see. It is put into the form, and
// out of the address and the browser's history. Without this script one types the code.
"use strict";
(() => {
  const field = document.getElementById("code");
  const code = decodeURIComponent(location.hash.slice(1));
  if (field && /^[0-9A-Za-z-]{20,40}$/.test(code)) {
    field.value = code;
    history.replaceState(null, "", location.pathname);
    document.getElementById("dag").focus();
  }
})();
