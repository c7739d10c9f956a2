// Content experiments: everybody sees the original.
window.cxApi = {
  ORIGINAL_VARIATION: 0,
  NO_CHOSEN_VARIATION: -1,
  NOT_PARTICIPATING: -2,
  chooseVariation: () => 0,
  getChosenVariation: () => 0,
  setAllowHash: () => undefined,
  setChosenVariation: () => undefined,
  setCookiePath: () => undefined,
  setDomainName: () => undefined,
};
