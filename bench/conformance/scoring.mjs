// What a suite's results mean for a cache that is shared and no content delivery network; nothing of the suite is here.
import path from 'node:path'
import { pathToFileURL } from 'node:url'

export const imported = (suite, file) => import(pathToFileURL(path.join(suite, file)).href)

// The tests that concern such a cache: neither a browser's nor those of CDN-Cache-Control.
export async function scoring (suite) {
  const { default: folders } = await imported(suite, 'tests/index.mjs')
  const { determineTestResult, resultTypes } = await imported(suite, 'test-engine/lib/results.mjs')
  const nameOf = new Map(Object.entries(resultTypes).map(([name, type]) => [type, name]))
  const suites = folders.map(each => ({ ...each, tests: each.tests.filter(test => !test.browser_only && !test.cdn_only) }))

  // The suite's words for a result, here without the difference between kinds of tests: yes is pass, no is fail.
  function outcome (test, raw) {
    const named = type => ({ yes: 'pass', no: 'fail', optional_fail: 'fail' })[nameOf.get(type)] ?? nameOf.get(type)
    const result = honoured => named(determineTestResult(suites, test.id, raw, honoured))
    const missed = (test.depends_on ?? []).filter(id => named(determineTestResult(suites, id, raw)) !== 'pass')
    const said = Array.isArray(raw[test.id]) ? raw[test.id].join(': ') : ''
    return { kind: test.kind ?? 'required', result: result(true), own: result(false), said, missed }
  }
  const outcomes = raw =>
    Object.fromEntries(suites.flatMap(each => each.tests).map(test => [test.id, outcome(test, raw)]))
  return { suites, outcomes }
}
