// Mixpanel: nothing is measured, and callbacks are called.
(function () {
  'use strict';
  const later = (callback, ...values) => typeof callback === 'function' && setTimeout(() => callback(...values), 1);
  const told = (...values) => values.forEach((value) => later(value, 1));
  const people = {};
  for (const name of ['append', 'clear_charges', 'delete_user', 'increment', 'remove', 'set', 'set_once',
                      'track_charge', 'union', 'unset']) people[name] = told;
  const mixpanel = {
    people,
    get_config: () => undefined,
    get_distinct_id: () => '',
    get_group: () => people,
    get_property: () => undefined,
    has_opted_in_tracking: () => false,
    has_opted_out_tracking: () => true,
    init: (token, settings) => {
      later(settings && settings.loaded, mixpanel);
      return mixpanel;
    },
  };
  for (const name of ['add_group', 'alias', 'clear_opt_in_out_tracking', 'disable', 'identify', 'name_tag',
                      'opt_in_tracking', 'opt_out_tracking', 'push', 'register', 'register_once', 'remove_group',
                      'reset', 'set_config', 'set_group', 'time_event', 'track', 'track_forms', 'track_links',
                      'track_pageview', 'track_with_groups', 'unregister']) mixpanel[name] = told;
  const queued = window.mixpanel || [];
  window.mixpanel = mixpanel;
  (queued._i || []).forEach((values) => mixpanel.init(...values));
  Array.from(queued).forEach(([name, ...values]) => typeof mixpanel[name] === 'function' && mixpanel[name](...values));
})();
