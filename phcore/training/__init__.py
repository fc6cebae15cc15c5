"""Fine-tuning towards objectives, practice runs, and looks at models while they are trained."""


def __getattr__(name: str):
    """`TopologyCallback`, which imports torch and transformers, when somebody asks for it."""
    if name == "TopologyCallback":
        from phcore.training.callback import TopologyCallback

        return TopologyCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
