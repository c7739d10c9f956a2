// Chartbeat: nothing is measured.
window.pSUPERFLY = { activity: () => undefined, virtualPage: () => undefined };
