"""The curve of a soak as SVG: resident memory and requests over time."""
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 420, 60, 40, 90, 50
LINES = (("codegen_mb", "svc-codegen", "#1f6fb4"), ("verify_mb", "svc-verify", "#c8501e"))


def steps(most):
    """Round marks of an axis."""
    step = next(part * 10**ten for ten in range(9) for part in (1, 2, 5) if most / (part * 10**ten) <= 8)
    return [step * i for i in range(int(most // step) + 1)]


def draw(samples, bound_mb, path):
    seconds = max(samples[-1]["second"], 1)
    top_mb = max(bound_mb, max(one[name] for one in samples for name, _, _ in LINES)) * 1.1
    most = max(samples[-1]["requests"], 1)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(second, share):
        return f"{LEFT + (right - LEFT) * second / seconds:.1f},{bottom - (bottom - TOP) * share:.1f}"

    def text(place, words, anchor="end", colour="#333"):
        x, y = place.split(",")
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

    def line(points, colour, more=""):
        return f'<polyline fill="none" stroke="{colour}" {more} points="{" ".join(points)}"/>'

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           "<title>Resident memory over a soak</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for mb in steps(top_mb):
        out += [line([at(0, mb / top_mb), at(seconds, mb / top_mb)], "#ddd"), text(at(-seconds * 0.01, mb / top_mb), f"{mb} MB")]
    for minute in steps(seconds / 60):
        out.append(text(at(minute * 60, -0.06), f"{minute} min", "middle"))
    out.append(line([at(0, bound_mb / top_mb), at(seconds, bound_mb / top_mb)], "#900", 'stroke-dasharray="6 4"'))
    out.append(line([at(one["second"], 0.9 * one["requests"] / most) for one in samples], "#999", 'stroke-dasharray="2 3"'))
    out.append(text(at(seconds * 1.01, 0.9), f"{most / 1e6:.1f} M requests", "start", "#777"))
    for i, (name, words, colour) in enumerate(LINES):
        out.append(line([at(one["second"], one[name] / top_mb) for one in samples], colour, 'stroke-width="2"'))
        out.append(f'<text x="{LEFT + 10 + 130 * i}" y="25" fill="{colour}">{words}</text>')
    out.append(f'<text x="{LEFT + 270}" y="25" fill="#900">bound {bound_mb} MB</text></svg>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
