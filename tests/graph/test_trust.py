"""What a text may name, and what only a reader who trusts it can allow."""

from __future__ import annotations

import importlib
import inspect
import math
import operator
import re
import types

import pytest
import torch
from torch import nn

from retiarii.errors import FormatError
from retiarii.graph.names import import_path
from retiarii.graph.trust import Trust, is_function, is_layer, is_reserved, is_value, method_names

NOBODY = Trust(())
FUNCTIONS = [
    *(
        "torch.relu",
        "torch.cat",
        "torch.einsum",
        "torch.arange",
        "torch.tensor",
        "torch.Size",
        "torch.finfo",
        "torch.sym_int",
    ),
    *("torch._assert", "torch.nn.functional.conv2d", "torch.nn.functional.gelu", "torch.nn.functional.max_pool2d"),
    *(
        "torch.nn.functional.scaled_dot_product_attention",
        "torch.fft.rfft2",
        "torch.linalg.norm",
        "torch.special.expit",
    ),
    *(
        "torch.nn.utils.rnn.pad_sequence",
        "operator.add",
        "operator.getitem",
        "operator.setitem",
        "math.sqrt",
        "builtins.len",
    ),
]
NO_FUNCTIONS = [
    *(
        "os.system",
        "posix.system",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.exec",
        "builtins.__import__",
        "builtins.open",
    ),
    *(
        "builtins.getattr",
        "builtins.setattr",
        "builtins.type",
        "builtins.map",
        "builtins.print",
        "importlib.import_module",
    ),
    *("torch.load", "torch.save", "torch.compile", "torch.from_file", "torch.manual_seed", "torch.set_default_dtype"),
    *("torch.set_num_threads", "torch.hub.load", "torch.jit.load", "torch.jit.script", "torch.ops.load_library"),
    *(
        "torch.classes.load_library",
        "torch.utils.cpp_extension.load",
        "torch.utils.model_zoo.load_url",
        "torch.os.system",
    ),
    *("torch.sys.exit", "torch.builtins.eval", "torch.importlib.import_module", "torch.nn.modules.conv.os.system"),
    *("torch.nn.functional.torch.load", "torch.nn.functional.importlib.import_module", "torch.nn.functional.np.load"),
    *("torch.nn.functional.handle_torch_function", "torch.nn.functional.boolean_dispatch", "torch.fft.torch.load"),
    *("torch.nn.functional.triplet_margin_with_distance_loss", "torch.package.PackageImporter", "torch.while_loop"),
    *("torch.vmap", "torch.func.vmap", "torch.cond", "torch.lobpcg", "torch._C._jit_pass_inline", "torch.__import__"),
    *("torch.fbgemm_linear_int8_weight", "torch.mkldnn_rnn_layer", "torch._from_blob", "torch.multiprocessing.spawn"),
    *(
        "torch.storage.UntypedStorage",
        "torch.UntypedStorage",
        "torch.wait",
        "torch.import_ir_module",
        "torch.Tensor.map_",
    ),
    *("operator.call", "operator.attrgetter", "operator.methodcaller", "operator.itemgetter", "math.__loader__"),
    *("torch.relu.__call__", "torch.nn.Linear.load_state_dict", "retiarii.graph.names.resolve", "mypackage.run"),
]
NO_PATHS = [
    "",
    ".",
    "torch.",
    ".relu",
    "torch..relu",
    "a b",
    "torch.relu\n",
    "torch.relu()",
    "x.<locals>.f",
    "x.__class__",
]
NO_PATHS += ["../x", "x.None", "torch/relu", "a.\u24d0", "1.2", "torch\x00.relu", "mine.\uff3fimport", "a-b.c"]


@pytest.mark.parametrize("path", FUNCTIONS)
def test_functions_of_tensors_are_allowed(path):
    assert NOBODY.function(path, "here") == path
    assert NOBODY.value(path, "here") == path


@pytest.mark.parametrize("path", NO_FUNCTIONS)
def test_other_functions_are_refused(path):
    for check in (NOBODY.function, NOBODY.value, NOBODY.layer, NOBODY.mapping, NOBODY.maker, NOBODY.instance):
        with pytest.raises(FormatError, match=rf"^nodes\[1\]: '{re.escape(path)}' is .*"):
            check(path, "nodes[1]")


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_is_refused_even_if_trusted(path):
    for check in (NOBODY.function, Trust(("mine", "x", "a", "torch")).value, NOBODY.layer):
        with pytest.raises(FormatError, match="is no import path"):
            check(path, "here")


def test_the_message_names_the_remedy():
    with pytest.raises(FormatError, match=r"here: 'mine.nets.Block' is no layer of torch.nn; .* trusted=\('mine',\)"):
        NOBODY.layer("mine.nets.Block", "here")
    with pytest.raises(FormatError, match=r"trusted=\('torch.utils.checkpoint.checkpoint',\)"):
        NOBODY.function("torch.utils.checkpoint.checkpoint", "here")
    with pytest.raises(FormatError, match=r"trusted=\('os.system',\)"):
        NOBODY.function("os.system", "here")
    with pytest.raises(FormatError) as caught:
        NOBODY.function("a" * 10**6, "here")
    assert len(str(caught.value)) < 1000


def test_trust_covers_a_package_and_nothing_beside_it():
    trust = Trust(("mine", "torch.utils.checkpoint", "__main__"))
    for path in ("mine", "mine.f", "mine.nets.Block.make", "torch.utils.checkpoint.checkpoint", "__main__.f"):
        assert trust.function(path, "here") == path
        assert trust.instance(path, "here") == path
    for path in ("mineral.f", "mine_too.f", "min", "torch.utils.f", "other.mine.f", "torch.load"):
        with pytest.raises(FormatError):
            trust.function(path, "here")


@pytest.mark.parametrize("entry", ["", "my package", "mine.", "mine/x", "*", "mine.*", "..x", 3, math])
def test_trust_is_given_by_names(entry):
    with pytest.raises(ValueError, match="trusted names packages, such as 'mypackage', not"):
        Trust((entry,))


def test_trust_is_no_text():
    with pytest.raises(TypeError, match=r"trusted is a tuple of packages: \('mine',\)"):
        Trust("mine")


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "LSTM", "Transformer", "Sequential", "Module", "LazyLinear"])
def test_layers_are_allowed(name):
    assert NOBODY.layer(f"torch.nn.{name}", "here") == f"torch.nn.{name}"


NO_LAYERS = ("Parameter", "functional", "init", "modules", "Gone", "modules.linear.Linear", "Module.load_state_dict")


@pytest.mark.parametrize("path", [*(f"torch.nn.{name}" for name in NO_LAYERS), "torch.jit.ScriptModule", "Linear"])
def test_what_is_no_layer_is_refused(path):
    with pytest.raises(FormatError, match="is no layer"):
        NOBODY.layer(path, "here")


@pytest.mark.parametrize(
    "path", ["torch.float32", "torch.channels_last", "torch.strided", "torch.nn.Linear", "builtins.int"]
)
def test_constants_are_values(path):
    assert is_value(path)
    assert not is_value(path + "_")


def test_classes_of_dicts():
    assert NOBODY.mapping("collections.OrderedDict", "here") == "collections.OrderedDict"
    with pytest.raises(FormatError, match="is no dict"):
        NOBODY.mapping("torch.nn.Linear", "here")
    with pytest.raises(FormatError, match="is a class of its own"):
        NOBODY.instance("torch.nn.Linear", "here")


@pytest.mark.parametrize("path", ["numpy.array", "numpy.float32", "numpy.bool_", "collections.deque", "builtins.range"])
def test_what_may_be_called_while_building(path):
    assert NOBODY.maker(path, "here") == path


@pytest.mark.parametrize(
    "path", ["numpy.load", "numpy.fromfile", "numpy.memmap", "numpy.save", "numpy.ndarray", "numpy.os.system"]
)
def test_what_may_not_be_called_while_building(path):
    for check in (NOBODY.maker, NOBODY.value, NOBODY.function):
        with pytest.raises(FormatError, match=rf"'{path}' is .* trusted=\('{path}',\)"):
            check(path, "here")


@pytest.mark.parametrize(
    "name", ["view", "add_", "__getitem__", "__radd__", "__len__", "size", "numpy", "join", "append"]
)
def test_methods_are_allowed(name):
    assert NOBODY.method(name, "here") == name


NO_METHODS = [
    *(
        "register_hook",
        "apply_",
        "map_",
        "share_memory_",
        "untyped_storage",
        "set_",
        "format",
        "tofile",
        "load_state_dict",
    ),
    *("__class__", "__reduce_ex__", "__setstate__", "__init__", "__getattribute__", "__subclasses__", "__call__"),
    *("mro", "_make_subclass", "shape", "", "view\n", "a.b"),
]


@pytest.mark.parametrize("name", NO_METHODS)
def test_other_methods_are_refused(name):
    with pytest.raises(FormatError, match=r"^here: .*trusted="):
        NOBODY.method(name, "here")


def test_a_method_can_be_trusted_by_name():
    assert Trust((".logits", "mine")).method("logits", "here") == "logits"
    with pytest.raises(FormatError, match=r"trusted=\('.scores',\)"):
        Trust((".logits", "mine")).method("scores", "here")


@pytest.mark.parametrize("name", ["shape", "device", "T", "logits", "grad_fn", "größe"])
def test_attributes_are_allowed(name):
    assert NOBODY.attribute(name, "here") == name


@pytest.mark.parametrize(
    "name", ["_base", "__class__", "__globals__", "", "a.b", "a b", "a\n", "1", "\uff53hape", "\uff3fbase", "x()"]
)
def test_other_attributes_are_refused(name):
    with pytest.raises(FormatError, match="is no public attribute"):
        NOBODY.attribute(name, "here")


def test_names_that_a_module_needs_for_itself():
    for name in ("_modules", "_forward_hooks", "training", "__class__", "__dict__"):
        assert is_reserved(name)
    for name in ("0", "weight", "_cache", "forward", "__private"):
        assert not is_reserved(name)


# --- the rule against what torch has ----------------------------------------------------------------------------------

HOMES = ("torch", "torch.nn.functional", "torch.fft", "torch.linalg", "torch.special", "math", "operator", "builtins")


def allowed():
    """Every function that the rule allows, with its path."""
    for home in HOMES:
        module = importlib.import_module(home)
        for name, thing in vars(module).items():
            if is_function(f"{home}.{name}"):
                yield f"{home}.{name}", thing


def test_nothing_that_is_allowed_takes_a_function():
    words = re.compile(r"callable|\bfn\b|_fn\b|_function\b|callback|hook|tracker", re.IGNORECASE)
    for path, thing in allowed():
        if isinstance(thing, types.FunctionType):
            parameters = inspect.signature(thing).parameters
            assert not [name for name, found in parameters.items() if words.search(f"{name}: {found.annotation}")], path


def test_nothing_that_is_allowed_is_about_files_or_settings():
    words = re.compile(r"load|save|file|import|compile|jit|hook|set_|seed|open|exec|eval|thread|storage|print")
    assert not [path for path, _ in allowed() if words.search(path)]


def test_most_of_torch_is_allowed():
    names = [name for name in dir(torch._C._VariableFunctions) if name[0] != "_"]
    assert sum(is_function(f"torch.{name}") for name in names) > 0.9 * len(names)
    layers = [name for name, thing in vars(nn).items() if isinstance(thing, type) and issubclass(thing, nn.Module)]
    assert all(is_layer(f"torch.nn.{name}") for name in layers if name[0] != "_")
    assert {name for name in dir(torch.Tensor) if name.endswith("_") and name[0] != "_"} - method_names() == {
        *("apply_", "map_", "map2_", "set_", "share_memory_")
    }


def test_what_a_trace_names_is_allowed():
    for thing in (
        torch.add,
        torch.fft.fft,
        torch.linalg.norm,
        torch.special.erf,
        nn.functional.gelu,
        nn.functional.pad,
    ):
        assert is_function(import_path(thing))
    for thing in (operator.add, operator.imul, math.sqrt, len, torch.Size, nn.functional.max_pool2d):
        assert is_function(import_path(thing))
