// Prints what the suite's own published results say of other caches, scored as ours are, as JSON:
//
//     node published.mjs SUITE
//
// a list of [name, version, outcomes], but for browsers.
import fs from 'node:fs'
import path from 'node:path'
import { imported, scoring } from './scoring.mjs'

const suite = process.argv[2]
const { outcomes } = await scoring(suite)
const { default: published } = await imported(suite, 'results/index.mjs')
const read = file => JSON.parse(fs.readFileSync(path.join(suite, 'results', file)))
const caches = published.filter(each => each.type !== 'browser')
console.log(JSON.stringify(caches.map(each => [each.name, each.version, outcomes(read(each.file))])))
