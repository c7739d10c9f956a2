// What some players load to learn whether advertisements are blocked.
window.google_ad_status = 1;
