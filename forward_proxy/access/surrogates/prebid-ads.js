// What some pages load to learn whether advertisements are blocked.
window.canRunAds = true;
window.isAdBlockActive = false;
