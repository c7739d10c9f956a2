// AddThis: no buttons, and nothing is shared.
(function () {
  'use strict';
  const nothing = () => undefined;
  const addthis = { user: { ready: nothing, getServiceShareHistory: () => [] }, layers: nothing };
  for (const name of ['addEventListener', 'button', 'counter', 'init', 'ready', 'sharecounters', 'toolbox', 'update']) {
    addthis[name] = nothing;
  }
  window.addthis = addthis;
})();
