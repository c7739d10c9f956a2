// Fingerprintjs2: every browser looks alike.
(function () {
  'use strict';
  const HASH = '00000000000000000000000000000000';
  const later = (callback, ...values) => typeof callback === 'function' && setTimeout(() => callback(...values), 1);
  class Fingerprint2 {
    get(options, callback) {
      later(callback || options, HASH, []);
    }
  }
  Object.assign(Fingerprint2, {
    get: (options, callback) => later(callback || options, []),
    getPromise: () => Promise.resolve([]),
    getV18: (options, callback) => later(callback || options, HASH, []),
    x64hash128: () => HASH,
  });
  window.Fingerprint2 = Fingerprint2;
})();
