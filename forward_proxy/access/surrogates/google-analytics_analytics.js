// analytics.js, gtag.js and Tag Manager: nothing is measured, and whoever waits for a hit to be sent is called back.
(function () {
  'use strict';
  const later = (callback, ...values) => typeof callback === 'function' && setTimeout(() => callback(...values), 1);
  const nothing = () => undefined;

  const tracker = { get: nothing, set: nothing, send: (...fields) => sent(fields) };
  const sent = (fields) => fields.forEach((field) => field && later(field.hitCallback));
  const ga = (...command) => {
    if (typeof command[0] === 'function') later(command[0], tracker);
    else sent(command);
  };
  Object.assign(ga, {
    create: () => tracker,
    getAll: () => [tracker],
    getByName: () => tracker,
    remove: nothing,
    loaded: true,
  });
  const name = window.GoogleAnalyticsObject || 'ga';
  const queued = (window[name] && window[name].q) || [];
  window[name] = ga;
  Array.from(queued).forEach((command) => ga(...command));

  const layer = (window.dataLayer = window.dataLayer || []);
  const heed = (entry) => {
    if (typeof entry === 'function') return later(() => entry.call({ get: nothing, set: nothing, reset: nothing }));
    if (!entry || typeof entry !== 'object') return undefined;
    if (entry[0] === 'get') later(entry[3], undefined);
    else if (entry[2]) later(entry[2].event_callback);
    return later(entry.eventCallback);
  };
  Array.from(layer).forEach(heed);
  layer.push = (...entries) => {
    entries.forEach(heed);
    return Array.prototype.push.apply(layer, entries);
  };
  // What hides a page until an experiment has been chosen.
  if (layer.hide && typeof layer.hide.end === 'function') layer.hide.end();
})();
