// The pixel of Facebook: nothing is measured.
(function () {
  'use strict';
  const fbq = () => undefined;
  Object.assign(fbq, { callMethod: fbq, push: fbq, queue: [], loaded: true, version: '2.0' });
  window.fbq = fbq;
  window._fbq = fbq;
})();
