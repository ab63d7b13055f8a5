"""Search a small space of networks on handwritten digits, and take the best one away as plain PyTorch code."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import retiarii.nn as nn
from retiarii import Experiment, ModelSpace
from retiarii.evaluators import FunctionalEvaluator
from retiarii.strategies import Random

images, digits = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
train, valid = train_test_split(range(len(digits)), test_size=0.25, random_state=0, stratify=digits)
digits = torch.tensor(digits)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)) + x)


class Digits(ModelSpace):
    """54 networks: the first convolution, the number of blocks, dropout and the width of the last layers."""

    def __init__(self):
        super().__init__()
        width = nn.ValueChoice([32, 64, 128], label="width")
        self.stem = nn.LayerChoice(
            {"small": nn.Conv2d(1, 16, 3, padding=1), "large": nn.Conv2d(1, 16, 5, padding=2)}, label="stem"
        )
        self.body = nn.Repeat(lambda index: Block(16), depth=(1, 3), label="depth")
        self.dropout = nn.Dropout(nn.ValueChoice([0.0, 0.25, 0.5], label="dropout"))
        self.hidden = nn.Linear(16 * 16, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = F.max_pool2d(self.body(F.relu(self.stem(x))), 2)
        return self.head(self.dropout(F.relu(self.hidden(x.flatten(1)))))


def train_and_score(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(10):
        for batch in torch.tensor(train)[torch.randperm(len(train))].split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(images[batch]), digits[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return (model(images[valid]).argmax(1) == digits[valid]).float().mean().item()


if __name__ == "__main__":
    torch.set_num_threads(1)  # for models as small as these, threads cost more than they give
    space = Digits()
    print(f"{space.size} architectures, decided by {', '.join(space.labels)}")

    experiment = Experiment(space, FunctionalEvaluator(train_and_score), Random(), max_trials=12, seed=0)
    experiment.run()

    best = experiment.top(1)[0]
    picture = experiment.export_top_models(1, format="graph")[0].draw(
        experiment.directory / experiment.name / "best.svg"
    )
    print(f"\nTrial {best.number} is the best: {best.metric:.1%} of {len(valid)} digits it never saw are right.")
    print(f"Its picture is in {picture}. As plain PyTorch code:\n")
    print(experiment.export_top_models(1, format="code")[0])
