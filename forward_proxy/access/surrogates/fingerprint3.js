// FingerprintJS 3 and newer: every browser looks alike.
(function () {
  'use strict';
  const visitorId = '00000000000000000000000000000000';
  const result = { visitorId, components: {}, confidence: { score: 0 }, version: '' };
  const load = () => Promise.resolve({ get: () => Promise.resolve(result) });
  window.FingerprintJS = { load, hashComponents: () => visitorId, componentsToDebugString: () => '', default: { load } };
})();
