// AdSense: every place for an advertisement is said to be unfilled, and breaks for advertisements are over at once.
(function () {
  'use strict';
  const later = (callback, ...values) => typeof callback === 'function' && setTimeout(() => callback(...values), 1);
  const heed = (wanted) => {
    document.querySelectorAll('ins.adsbygoogle:not([data-ad-status])').forEach((place) => {
      place.setAttribute('data-adsbygoogle-status', 'done');
      place.setAttribute('data-ad-status', 'unfilled');
    });
    if (!wanted) return;
    later(wanted.onReady);
    later(wanted.adBreakDone, { breakType: wanted.type, breakName: wanted.name, breakStatus: 'notReady' });
  };
  const queued = window.adsbygoogle;
  window.adsbygoogle = { loaded: true, push: heed };
  if (Array.isArray(queued)) queued.forEach(heed);
})();
