// The older advertisements of Amazon: there are never any.
(function () {
  'use strict';
  const nothing = () => undefined;
  window.amznads = {
    appendScriptTag: nothing,
    appendTargetingToAdServerUrl: (url) => url,
    appendTargetingToQueryString: (query) => query,
    clearTargetingFromGPTAsync: nothing,
    doAllTask: nothing,
    doGetAdsAsync: nothing,
    doTask: nothing,
    detectIframeAndGetURL: nothing,
    getAds: nothing,
    getAdsAsync: nothing,
    getAdsCallback: (id, callback) => typeof callback === 'function' && setTimeout(callback, 1),
    getTargeting: () => ({}),
    getTokens: () => [],
    getValidMilliseconds: () => 0,
    getVideoAds: nothing,
    hasAds: () => false,
    renderAd: nothing,
    saveAds: nothing,
    setTargeting: nothing,
    setTargetingForGPTAsync: nothing,
    setTargetingForGPTSync: nothing,
    tryGetAdsAsync: nothing,
    updateAds: nothing,
  };
  window.amzn_ads = window.amzn_ads || nothing;
  window.aax_write = window.aax_write || nothing;
  window.aax_render_ad = window.aax_render_ad || nothing;
})();
