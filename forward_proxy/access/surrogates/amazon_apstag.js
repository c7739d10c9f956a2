// Header bidding of Amazon: there are never any bids.
(function () {
  'use strict';
  const later = (callback, ...values) => typeof callback === 'function' && setTimeout(() => callback(...values), 1);
  const queued = (window.apstag && window.apstag._Q) || [];
  const apstag = {
    init: (settings, callback) => later(callback),
    fetchBids: (settings, callback) => later(callback, []),
    setDisplayBids: () => undefined,
    targetingKeys: () => [],
    renderImp: () => undefined,
    rpa: () => undefined,
    upa: () => undefined,
    dpa: () => undefined,
  };
  window.apstag = apstag;
  queued.forEach(([method, values]) => {
    if (method === 'i') apstag.init(...values);
    if (method === 'f') apstag.fetchBids(...values);
  });
})();
