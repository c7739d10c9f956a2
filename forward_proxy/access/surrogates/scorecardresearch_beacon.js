// Scorecard Research: nothing is measured.
window.COMSCORE = { beacon: () => undefined, purge: () => { window._comscore = []; } };
window.udm_ = () => undefined;
