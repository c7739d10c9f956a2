// ga.js, the older one: nothing is measured, links that go through it lead on, and callbacks are called.
(function () {
  'use strict';
  const goTo = (url) => typeof url === 'string' && window.location.assign(url);
  const methods = {
    get(target, name) {
      if (name === 'then') return undefined;
      if (name === '_link') return goTo;
      if (name === '_set') return (key, value) => key === 'hitCallback' && typeof value === 'function' && value();
      if (/^_(get|linkerUrl)/.test(name)) return (value) => (typeof value === 'string' ? value : '');
      return () => true;
    },
  };
  const tracker = new Proxy({}, methods);
  const run = (command) => {
    if (typeof command === 'function') command();
    else if (Array.isArray(command) && typeof command[0] === 'string') {
      tracker[command[0].replace(/^.*\./, '')](...command.slice(1));
    }
    return 0;
  };
  const queued = window._gaq;
  window._gaq = {
    push: (...commands) => commands.forEach(run),
    _createAsyncTracker: () => tracker,
    _getAsyncTracker: () => tracker,
  };
  window._gat = {
    _anonymizeIp: () => undefined,
    _createTracker: () => tracker,
    _forceSSL: () => undefined,
    _getPlugin: () => () => undefined,
    _getTracker: () => tracker,
    _getTrackerByName: () => tracker,
    _getTrackers: () => [tracker],
  };
  if (Array.isArray(queued)) queued.forEach(run);
})();
