"""LIM once more, from the published rules, in plain Python on the original's record format."""


def random_dump(rng, *, problems, epochs, steps_per_epoch):
    """step number -> records; problems miss epochs, come twice in one, and have ragged samples."""
    prompts = [f"What is {i} + {i}?" for i in range(problems)]
    skill = {prompt: (rng.random(), rng.uniform(-0.5, 1)) for prompt in prompts}
    dump = {}
    for epoch in range(epochs):
        visits = [prompt for prompt in prompts if rng.random() > 0.15]
        visits += [rng.choice(prompts) for _ in range(problems // 8)]
        rng.shuffle(visits)
        for step in range(steps_per_epoch):
            records = []
            for prompt in visits[step::steps_per_epoch]:
                base, gain = skill[prompt]
                chance = min(1, max(0, base + gain * epoch / epochs))
                for _ in range(rng.randint(1, 8)):
                    reward = 1 if rng.random() < chance else rng.choice([-0.5, -1])
                    text = rng.choice([prompt, f" {prompt}", f"{prompt}\n"])
                    records.append(
                        {"prompt": text, "response": "", "reward": reward, "response_length": 0}
                    )
            dump[1 + epoch * steps_per_epoch + step] = records
    return dump


def rewards_by_problem(dump, steps_per_epoch):
    """problem -> one list of rewards per epoch."""
    epochs = len(dump) // steps_per_epoch
    found = {}
    for step in sorted(dump):
        epoch = (step - 1) // steps_per_epoch
        for record in dump[step]:
            visits = found.setdefault(record["prompt"].strip(), [[] for _ in range(epochs)])
            visits[epoch].append(record["reward"])
    return found


def accuracy(rewards):
    return sum(reward == 1 for reward in rewards) / len(rewards) if rewards else None


def mean_reward(rewards):
    return sum(rewards) / len(rewards) if rewards else None


def completed(curve, missing):
    """The curve after the rule for missing epochs, or None when the problem is dropped."""
    curve = list(curve)
    if missing == "ignore":
        return curve if any(r is not None for r in curve) else None
    if missing == "backfill":
        for k in range(len(curve) - 1):
            if curve[k] is None and curve[k + 1] is not None:
                curve[k] = curve[k + 1]
    return None if None in curve else curve


def lim_scores(curves, missing):
    """problem -> score, of those that have one; `curves`: problem -> list with None = not seen."""
    kept = {name: completed(curve, missing) for name, curve in curves.items()}
    kept = {name: curve for name, curve in kept.items() if curve is not None}
    average = []
    for rewards in zip(*kept.values(), strict=True):
        seen = [r for r in rewards if r is not None]
        average.append(sum(seen) / len(seen) if seen else None)
    scores = {}
    for name, curve in kept.items():
        pairs = [(r, m) for r, m in zip(curve, average, strict=True) if r is not None]
        distance = sum((r - m) ** 2 for r, m in pairs)
        room = sum((1 - m) ** 2 for _, m in pairs)
        scores[name] = 1 - distance / room if room else 0.0
    return scores
