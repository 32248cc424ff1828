/* What pages do beyond HTML and htmx. No page needs it to work. */
"use strict";
(function () {
  const body = document.body;

  function toast(text, kind, href) {
    const box = document.getElementById("toasts");
    const made = document.createElement("div");
    made.className = "toast " + kind;
    const said = document.createElement("span");
    said.textContent = text;
    made.append(said);
    if (href) {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = box.dataset.open;
      made.append(link);
    }
    box.append(made);
    setTimeout(() => made.remove(), 12000);
  }

  /* One press is one request, however often it is pressed. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    const pressed = event.submitter;
    if (pressed) pressed.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-busy]").forEach((one) => one.removeAttribute("aria-busy"));
    });
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      try { await navigator.clipboard.writeText(copy.dataset.copy); toast(copy.dataset.done, "paid"); } catch (_) { /* forbidden */ }
    }
    if (event.target.closest("[data-print]")) window.print();
    document.querySelectorAll("details.lang[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.lang[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });

  /* Who asks for more rows by the keyboard goes on at the first of them. */
  let before = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const more = event.detail.target;
    before = more.id === "more" && more.contains(document.activeElement) ? more.previousElementSibling : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const first = before && before.nextElementSibling && before.nextElementSibling.querySelector("a, button");
    before = null;
    if (first) first.focus({ preventScroll: true });
  });

  /* What was asked for and did not come is told: the filter says something else than the list below it. */
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach((failed) => {
    document.addEventListener(failed, (event) => {
      if (!event.target.closest("[data-quiet]")) toast(document.getElementById("toasts").dataset.failed, "declined");
    });
  });

  /* Days of one's own win over a named period, so the one that was chosen last clears the other. */
  const period = document.querySelector("#filter #period");
  const days = document.querySelectorAll("#filter [type=date]");
  if (period) {
    period.addEventListener("change", () => { if (period.value) days.forEach((day) => { day.value = ""; }); });
    days.forEach((day) => day.addEventListener("change", () => { if (day.value) period.value = ""; }));
  }

  /* Thousands apart while a sum is typed. */
  document.querySelectorAll("input[data-sum]").forEach((input) => {
    input.addEventListener("blur", () => {
      const found = /^\s*(\d[\d\s\u00a0]*)([.,]\d{0,2})?\s*$/.exec(input.value);
      if (found) input.value = found[1].replace(/\D/g, "").replace(/\B(?=(\d{3})+$)/g, " ") + (found[2] || "");
    });
  });

  /* A code can be asked for again after a minute. */
  document.querySelectorAll("button[data-wait]").forEach((button) => {
    let left = Number(button.dataset.wait);
    button.disabled = true;
    const tick = () => {
      if (left <= 0) { button.disabled = false; button.textContent = button.dataset.text; return; }
      button.textContent = button.dataset.waiting.replace("{}", left);
      left -= 1;
      setTimeout(tick, 1000);
    };
    tick();
  });

  /* The end of a session is told two minutes before. */
  const idle = Number(body.dataset.idle || 0);
  const shared = "touched" + body.dataset.base; // what is done in one tab counts in every other
  const touch = () => { try { localStorage.setItem(shared, Date.now()); } catch (_) { touched = Date.now(); } };
  const last = () => { try { return Math.max(touched, Number(localStorage.getItem(shared))); } catch (_) { return touched; } };
  let touched = Date.now();
  if (idle) touch();
  document.addEventListener("htmx:afterRequest", (event) => {
    // What a page asks for by itself is nobody's doing.
    if (!event.target.closest("[data-quiet]")) touch();
  });
  if (idle) {
    const box = document.getElementById("idle");
    document.getElementById("stay").addEventListener("click", async () => {
      const answer = await fetch(body.dataset.base + "/alive");
      if (answer.ok && !answer.redirected) { touch(); box.hidden = true; } else location.reload();
    });
    setInterval(() => {
      const quiet = (Date.now() - last()) / 1000;
      if (quiet <= idle - 120) box.hidden = true;
      if (quiet > idle + 5) location.reload();
      else if (quiet > idle - 120 && box.hidden) { box.hidden = false; document.getElementById("stay").focus(); }
    }, 5000);
  }

  /* Invoices that change while the page is open. */
  if (body.dataset.events && window.EventSource) {
    const source = new EventSource(body.dataset.events);
    source.addEventListener("invoice", (event) => {
      const told = JSON.parse(event.data);
      const address = body.dataset.base + "/invoices/" + told.id;
      const row = document.getElementById("i-" + told.id);
      if (row) {
        htmx.ajax("GET", address + "/row", { target: row, swap: "outerHTML" }).then(() => {
          const fresh = document.getElementById("i-" + told.id);
          if (fresh) fresh.classList.add("fresh");
        });
      }
      const sums = document.getElementById("sums");
      if (sums && document.getElementById("filter")) htmx.trigger(sums, "refresh");
      const here = document.querySelector("[data-invoice]");
      if (here && here.dataset.invoice === told.id) {
        if (told.status !== here.dataset.status) location.replace(address);
        return;
      }
      toast(told.text, told.status, address);
    });
    source.addEventListener("over", () => { source.close(); location.reload(); });
    window.addEventListener("pagehide", () => source.close());
  }
})();
