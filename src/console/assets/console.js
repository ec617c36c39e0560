// What is live on a page is replaced when the console says that something has changed. Without this script each page is
// complete, and shows the state at the time when it was loaded.
(() => {
  'use strict';

  const restMs = 1000;
  const againMs = 3000;

  /** The local time beside the time in UTC. */
  const localTimes = (root) => {
    for (const time of root.querySelectorAll('time[datetime]')) {
      if (time.nextElementSibling?.classList.contains('local')) continue;
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime()) || at.getTimezoneOffset() === 0) continue;
      const local = document.createElement('span');
      local.className = 'local';
      const day = at.toISOString().slice(0, 10) === localDay(at) ? '' : `${localDay(at)} `;
      local.textContent = ` (${day}${at.toTimeString().slice(0, 8)} here)`;
      time.after(local);
    }
  };

  const localDay = (at) => [at.getFullYear(), String(at.getMonth() + 1).padStart(2, '0'), String(at.getDate()).padStart(2, '0')].join('-');

  /** What a person has opened or is about to use stays as it is. */
  const isInUse = (part) => part.contains(document.activeElement) && document.activeElement !== document.body;

  /** A part was in use while it changed. */
  let isBehind = false;

  const replaceParts = (text) => {
    isBehind = false;
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    for (const part of document.querySelectorAll('[data-live][id]')) {
      const next = fresh.getElementById(part.id);
      if (next === null) continue;
      if (isInUse(part)) {
        isBehind = true;
        continue;
      }
      localTimes(next);
      const open = new Set([...part.querySelectorAll('details[open] > summary')].map((summary) => summary.textContent));
      for (const summary of next.querySelectorAll('details > summary'))
        if (open.has(summary.textContent)) summary.parentElement.open = true;
      // What is ticked in a list stays ticked.
      const ticked = new Set([...part.querySelectorAll('input[type=checkbox]:checked')].map((one) => one.value));
      for (const one of next.querySelectorAll('input[type=checkbox]')) if (ticked.has(one.value)) one.setAttribute('checked', '');
      if (next.innerHTML !== part.innerHTML) part.innerHTML = next.innerHTML;
    }
  };

  let loading = false;
  let again = false;
  const load = async () => {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    let failed = false;
    try {
      const address = new URL(location.href);
      address.searchParams.delete('note');
      const answer = await fetch(address, { headers: { accept: 'text/html' }, credentials: 'same-origin' });
      if (answer.ok) replaceParts(await answer.text());
      else if (answer.status === 401) location.reload();
      else failed = answer.status >= 500 || answer.status === 429;
    } catch {
      failed = true;
    }
    // A change is announced once: what could not be loaded is asked for again.
    again ||= failed;
    setTimeout(
      () => {
        loading = false;
        if (again) {
          again = false;
          void load();
        }
      },
      failed ? againMs : restMs,
    );
  };

  const listen = () => {
    const stream = new EventSource('/events');
    stream.addEventListener('change', () => void load());
    stream.addEventListener('hello', () => {
      // Also the first time: what changed after the page was made and before it listened was announced to others only.
      void load();
      document.documentElement.dataset.stream = 'open';
    });
    stream.addEventListener('error', () => {
      document.documentElement.dataset.stream = 'lost';
      // A refusal ends the stream for good; a restart of the console does not.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    });
    addEventListener('pagehide', () => stream.close(), { once: true });
  };

  /** A file can be dropped onto the form that it is chosen in. */
  const dropZones = () => {
    for (const zone of document.querySelectorAll('.drop')) {
      const input = zone.querySelector('input[type=file]');
      if (input === null) continue;
      const over = (isOver) => (event) => {
        event.preventDefault();
        zone.classList.toggle('over', isOver);
      };
      zone.addEventListener('dragover', over(true));
      zone.addEventListener('dragleave', over(false));
      zone.addEventListener('drop', (event) => {
        over(false)(event);
        if (event.dataTransfer.files.length > 0) input.files = event.dataTransfer.files;
      });
    }
  };

  localTimes(document);
  dropZones();
  if (document.querySelector('[data-live]') !== null) {
    listen();
    // A page that the browser kept and shows again has left its stream.
    addEventListener('pageshow', ({ persisted }) => persisted && listen());
    // The element that has the focus next is known after the event.
    addEventListener('focusout', () => setTimeout(() => isBehind && void load()));
  }
})();
