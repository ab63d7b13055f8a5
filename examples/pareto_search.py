"""Accuracy against FLOPs on handwritten digits: NSGA-II, trials ended early, the learning rate searched along.

Needs scikit-learn for the digits and matplotlib for the pictures: pip install 'retiarii[examples,plot]'.
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

import retiarii.nn as nn
from retiarii import Experiment, ModelSpace, report_intermediate
from retiarii.evaluators import FunctionalEvaluator
from retiarii.profiler import Flops
from retiarii.stoppers import MedianRule
from retiarii.strategies import NSGA2

images, digits = load_digits(return_X_y=True)
images, digits = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16, torch.tensor(digits)


class Digits(ModelSpace):
    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([4, 8, 16], label="width")
        kernel = nn.ValueChoice([1, 3, 5], label="kernel")
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        block = nn.Sequential(nn.Conv2d(width, width, kernel, padding=kernel // 2), nn.ReLU())
        self.body = nn.Repeat(block, (0, 2), label="depth")
        self.pool = nn.LayerChoice({"max": nn.MaxPool2d(2), "average": nn.AvgPool2d(2)}, label="pool")
        self.head = nn.Linear(width * 16, 10)

    def forward(self, x):
        return self.head(self.pool(self.body(F.relu(self.stem(x)))).flatten(1))


def accuracy(model, rate):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(8):
        for batch in torch.randperm(1200).split(100):
            optimizer.zero_grad()
            F.cross_entropy(model(images[batch]), digits[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            value = (model(images[1200:]).argmax(1) == digits[1200:]).float().mean().item()
        report_intermediate({"accuracy": value})
    return {"accuracy": value}


if __name__ == "__main__":
    space = Digits()
    experiment = Experiment(
        space,
        FunctionalEvaluator(accuracy, rate=nn.ValueChoice.loguniform(1e-3, 1e-1, label="rate")),
        NSGA2(population_size=10),
        objectives={"accuracy": "maximize", "flops": "minimize"},
        costs=[Flops(space, torch.zeros(1, 1, 8, 8))],
        stopper=MedianRule(warmup=2),
        max_trials=40,
        seed=0,
    )
    experiment.run()
    for trial in experiment.pareto_front():
        print(f"{trial.metrics['accuracy']:.3f} {trial.metrics['flops']:>9,.0f} {trial.sample}")
    print(f"hypervolume {experiment.hypervolume({'accuracy': 0.5, 'flops': 1e6}):,.0f}")
    experiment.plot_pareto().savefig("pareto.png")
    experiment.plot_importance().savefig("importance.png")
