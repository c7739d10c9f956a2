// Publisher tags: every slot is rendered empty, and whoever waits for that is told.
(function () {
  'use strict';
  const listeners = {};
  const self = () => undefined;
  const chained = (names, object) => {
    names.forEach((name) => (object[name] = () => object));
    return object;
  };
  const service = chained(
    ['clear', 'clearCategoryExclusions', 'clearTagForChildDirectedTreatment', 'clearTargeting', 'collapseEmptyDivs',
     'defineOutOfPagePassback', 'definePassback', 'disableInitialLoad', 'display', 'enableAsyncRendering',
     'enableLazyLoad', 'enableSingleRequest', 'enableSyncRendering', 'enableVideoAds', 'set', 'setCategoryExclusion',
     'setCentering', 'setCookieOptions', 'setForceSafeFrame', 'setLocation', 'setPrivacySettings',
     'setPublisherProvidedId', 'setRequestNonPersonalizedAds', 'setSafeFrameConfig', 'setTagForChildDirectedTreatment',
     'setTargeting', 'setVideoContent', 'updateCorrelator'],
    {
      addEventListener(type, listener) {
        (listeners[type] = listeners[type] || []).push(listener);
        return service;
      },
      removeEventListener: (type, listener) => {
        listeners[type] = (listeners[type] || []).filter((each) => each !== listener);
      },
      get: () => null,
      getAttributeKeys: () => [],
      getSlots: () => Object.values(slots),
      getTargeting: () => [],
      getTargetingKeys: () => [],
      isInitialLoadDisabled: () => true,
      refresh: (several) => (several || Object.values(slots)).forEach(rendered),
    },
  );
  const slots = {};
  const rendered = (slot) => {
    const tell = (type, fields) => (listeners[type] || []).forEach((listener) => listener({ slot, ...fields }));
    setTimeout(() => {
      tell('slotRequested', {});
      tell('slotResponseReceived', {});
      tell('slotRenderEnded', { isEmpty: true, size: null, advertiserId: null, campaignId: null, creativeId: null });
    }, 1);
  };
  const slotOf = (path, id) => {
    const slot = chained(
      ['addService', 'clearCategoryExclusions', 'clearTargeting', 'defineSizeMapping', 'set', 'setCategoryExclusion',
       'setClickUrl', 'setCollapseEmptyDiv', 'setConfig', 'setForceSafeFrame', 'setSafeFrameConfig', 'setTargeting',
       'updateTargetingFromMap'],
      {
        get: () => null,
        getAdUnitPath: () => path,
        getAttributeKeys: () => [],
        getCategoryExclusions: () => [],
        getHtml: () => '',
        getResponseInformation: () => null,
        getSizes: () => [],
        getSlotElementId: () => id,
        getTargeting: () => [],
        getTargetingKeys: () => [],
      },
    );
    slots[id] = slot;
    return slot;
  };
  const googletag = window.googletag || {};
  const queued = googletag.cmd || [];
  Object.assign(googletag, {
    apiReady: true,
    pubadsReady: true,
    cmd: { push: (...commands) => commands.forEach((command) => typeof command === 'function' && command()) },
    companionAds: () => service,
    content: () => service,
    defineOutOfPageSlot: slotOf,
    defineSlot: (path, size, id) => slotOf(path, id),
    destroySlots: () => true,
    disablePublisherConsole: self,
    display: (id) => slots[id] && rendered(slots[id]),
    enableServices: self,
    getVersion: () => '',
    openConsole: self,
    pubads: () => service,
    setAdIframeTitle: self,
    setConfig: self,
    sizeMapping: () => ({ addSize() { return this; }, build: () => null }),
  });
  window.googletag = googletag;
  googletag.cmd.push(...queued);
})();
