// Generates expressions and data by a seed, evaluates them with certlogic-js and with our evaluator, and compares:
//   node compare.js FOLDER-OF-NODE-MODULES EVALUATOR [COUNT [SEED]]
// It first goes through the table tests/vectors/rules/certlogic.json, whose results must be the reference's own.
"use strict"
const fs = require("fs")
const path = require("path")
const { spawn } = require("child_process")
const readline = require("readline")

const [modules, program, count = "50000", seed = "20261121"] = process.argv.slice(2)
const { evaluate } = require(path.join(path.resolve(modules), "node_modules", "certlogic-js"))

// --- chance: xorshift32, so that a seed gives the same everywhere ---
let state = Number(seed) >>> 0 || 1
const random = (below) => {
    state ^= state << 13; state >>>= 0
    state ^= state >>> 17
    state ^= state << 5; state >>>= 0
    return state % below
}
const pick = (list) => list[random(list.length)]
const times = (max, make) => Array.from({ length: random(max + 1) }, make)
const chance = (percent) => random(100) < percent

// --- data ---
const digits = (n) => Array.from({ length: n }, () => random(10)).join("")
const two = (max) => String(random(max)).padStart(2, "0")
const time = () => pick([
    () => `20${two(40)}-${two(14)}-${two(33)}`,
    () => `20${two(40)}-0${1 + random(9)}-${two(30)}T${two(25)}:${two(61)}:${two(61)}${pick(["", "Z", "+08:00", "-0330", "+8", "+830", "+08", "+24:00", "z"])}`,
    () => `2021-0${1 + random(9)}-1${random(10)}T${two(24)}:${two(60)}:${two(60)}.${digits(1 + random(8))}${pick(["", "Z", "+05:45"])}`,
    () => `20${two(40)}`, () => `20${two(40)}-${two(14)}`, () => digits(random(6)), () => `20${two(40)}-${two(12)}-`,
])()
const texts = ["", "a", "abc", "positive", "中文", "a😀b", "String", "length", "0", "1", "URN:UVCI:01:NL:187/37512422923#Z", "01/NL#x:y",
    "2021-02-30", "2020-02-29", "2021-01-31", "quote\"and\\back\n", "é", "constructor of"]
const text = () => chance(30) ? time() : pick(texts)
const number = () => pick([() => random(10), () => -random(10), () => 0, () => random(1000) / 8, () => 1e300, () => -1.5, () => 9007199254740991,
    () => 9007199254740992 + random(100) * 2, () => 1.0, () => 1e21, () => 123456789012345, () => 1 / (1 + random(9))])()
const keys = ["a", "b", "c", "now", "length", "0", "1", "01", "-1", "", "content", "current", "accumulator", "中", "x y"]
const value = (depth) => {
    if (depth === 0 || chance(45)) return pick([text, text, number, number, () => chance(50), () => null])()
    if (chance(50)) return times(4, () => value(depth - 1))
    return Object.fromEntries(times(4, () => [pick(keys), value(depth - 1)]))
}

// --- expressions; `inside` a reduce other variables are there ---
const fragment = () => chance(85) ? pick(keys) : pick(["2", "+1", " 1", "1x", "-0", "007", "none", "toStringX", "-", "."])
const roots = (inside) => inside ? ["current", "accumulator", "current", "accumulator", "", "a", "now"] : keys
const route = (inside) => [pick(roots(inside)), ...times(2, fragment)].join(".")
const literal = () => pick([text, () => random(5), () => chance(50), () => -1, () => 1.5, () => null, () => 1e300])()
const operations = ["if", "and", "!", "===", "in", "+", "<", ">", "<=", ">=", "before", "after", "not-before", "not-after", "plusTime",
    "reduce", "extractFromUVCI", "dccDateOfBirth"]
const wanted = { if: 3, and: 3, "!": 1, "===": 2, in: 2, "+": 2, plusTime: 1, reduce: 3, extractFromUVCI: 1, dccDateOfBirth: 1 }
const units = ["day", "hour", "month", "year"]

// Paths never name what only JavaScript's prototypes have ("toString"): the reference gives functions there, ours null.
// What the operation may well work on, so that most expressions are no error at their first operand.
const suited = (operation, depth, inside) => {
    const any = () => expression(depth, inside)
    const integer = () => chance(60) ? random(20) - 5 : any()
    const date = () => chance(85) ? { plusTime: [chance(70) ? time() : any(), random(60) - 30, pick(units)] } : any()
    switch (operation) {
    case "+": case "<": case ">": case "<=": case ">=": return integer()
    case "before": case "after": case "not-before": case "not-after": return date()
    case "plusTime": case "dccDateOfBirth": return chance(70) ? time() : any()
    case "extractFromUVCI": return chance(60) ? pick(texts) : any()
    default: return any()
    }
}
const operands = (operation, depth, inside) => {
    const length = wanted[operation] ?? 2 + random(2)
    const list = Array.from({ length: chance(96) ? length : random(5) }, () => suited(operation, depth, inside))
    if (operation === "in" && chance(75)) list[1] = times(4, () => expression(depth - 1, inside))
    if (operation === "reduce") {
        if (chance(75)) list[0] = chance(50) ? times(4, literal) : { var: pick(roots(inside)) }
        if (list.length > 1) list[1] = expression(depth, true)
    }
    if (operation === "plusTime") {
        list[1] = chance(92) ? pick([0, 1, -1, 14, 31, -400, random(100000), 1e9, -1e15, 1e300]) : literal()
        if (chance(97)) list[2] = chance(96) ? pick(units) : pick(["minute", "days", 1])
    }
    if (operation === "extractFromUVCI") list[1] = chance(92) ? random(6) - 1 : literal()
    return list
}
const expression = (depth, inside) => {
    if (depth <= 0 || chance(12)) return chance(50) ? literal() : { var: route(inside) }
    if (chance(12)) return { var: chance(97) ? route(inside) : literal() }
    if (chance(5)) return times(3, () => expression(depth - 1, inside))
    if (chance(1)) return pick([{}, { or: [true] }, { "!": true }, { and: [] }, { a: [1], b: [2] }, { "+": "12" }, null])
    const operation = pick(operations)
    return { [operation]: operands(operation, depth - 1, inside) }
}

// --- comparing ---
const judge = (logic, data) => {
    try {
        return { result: JSON.parse(JSON.stringify(evaluate(logic, data))) }
    } catch (error) {
        return { error: error.message }
    }
}
const same = (a, b) => {
    if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return a === b
    const one = Object.keys(a), other = Object.keys(b)
    return Array.isArray(a) === Array.isArray(b) && one.length === other.length && one.every((key) => key in b && same(a[key], b[key]))
}
// Half a character can't leave our evaluator: JSON in UTF-8 has none.
const isHalf = (found) => /[\ud800-\udbff](?![\udc00-\udfff])|(^|[^\ud800-\udbff])[\udc00-\udfff]/.test(JSON.stringify(found).replace(/\\u(d[89a-f]..)/gi, (_, unit) => String.fromCharCode(parseInt(unit, 16))))

const cases = []
const table = JSON.parse(fs.readFileSync(path.join(__dirname, "../vectors/rules/certlogic.json"), "utf8")).cases
for (const { name, logic, data, result, error } of table) {
    const expected = judge(logic, data)
    if (!same(expected.result, result) || ("error" in expected) !== (error === true))
        throw new Error(`the table and the reference differ: ${name}`)
    cases.push({ logic, data, expected })
}
while (cases.length < table.length + Number(count)) {
    const data = value(3), logic = JSON.parse(JSON.stringify(expression(1 + random(5), false)))
    cases.push({ logic, data, expected: judge(logic, data) })
}

const child = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] })
let at = 0, errors = 0, differences = 0, halves = 0
readline.createInterface({ input: child.stdout }).on("line", (line) => {
    const { logic, data, expected } = cases[at++], found = JSON.parse(line)
    if ("error" in expected) errors++
    if ("error" in found && !("error" in expected) && isHalf(expected.result)) { halves++; return }
    if (("error" in found) === ("error" in expected) && ("error" in found || same(found.result, expected.result))) return
    if (++differences <= 10) console.error(JSON.stringify({ logic, data, expected, found }))
})
child.on("close", (status) => {
    const results = at - errors
    console.log(`differential: ${at} of ${cases.length} cases by seed ${seed}: ${results} results and ${errors} errors, ${differences} differences, ${halves} halves of characters left out`)
    const isWhole = status === 0 && at === cases.length && results > at / 4 && errors > at / 10 && halves * 1000 < at
    process.exitCode = isWhole && differences === 0 ? 0 : 1
})
child.stdin.on("error", () => {})
for (const { logic, data } of cases) child.stdin.write(JSON.stringify({ logic, data }) + "\n")
child.stdin.end()
