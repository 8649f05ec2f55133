"""What other packs put around a model and its text attention, told from what they do: their names and calls."""

import types

import comfy.ldm.modules.attention as host
import torch
from comfy.patcher_extension import WrappersMP

KJ = "custom_nodes/ComfyUI-KJNodes.nodes.model_optimization_nodes"
RELAY = "custom_nodes/ComfyUI-PromptRelay.patches"


def named(function, module: str, name: str):
    """The function under the name that another pack's has."""
    function.__module__, function.__qualname__ = module, name
    return function


def with_forwards(model, forward_of):
    """A clone whose text attentions have the forwards that `forward_of` makes, as packs put them there."""
    clone = model.clone()
    for layer, block in enumerate(model.model.diffusion_model.blocks):
        forward = types.MethodType(forward_of(layer), block.cross_attn)
        clone.add_object_patch(f"diffusion_model.blocks.{layer}.cross_attn.forward", forward)
    return clone


def guided(model, away: torch.Tensor, whole_batch: bool = False, strength: float = 2.0, mix: float = 0.5):
    """As WanVideoNAG: the text's output pushed away from that of another text, `away` `(1, T, 4096)`.

    Two rows or more are two halves, unless `whole_batch`: the first is guided, the second attends after it, by itself.
    The image-to-video one attends to the picture before, and halves only what is two rows.
    """
    network = model.model.diffusion_model
    other = network.text_embedding(away)

    def attend(module, q, context, options):
        k, v = module.norm_k(module.k(context)), module.v(context)
        return host.optimized_attention(q, k, v, heads=module.num_heads, transformer_options=options)

    def guide(module, x, context, options):
        q = module.norm_q(module.q(x))
        rows = other.expand(len(x), -1, -1) if whole_batch else other
        towards, back = attend(module, q, context, options), attend(module, q, rows, options)
        guidance = towards * strength - back * (strength - 1)
        return guidance.mul_(mix).add_(towards * (1 - mix))

    def halved(module, x, context, options):
        (x, x_rest), (context, context_rest) = x.chunk(2), context.chunk(2)
        first = guide(module, x, context, options)
        return torch.cat((first, attend(module, module.norm_q(module.q(x_rest)), context_rest, options)))

    def wrapped(module, x, context, transformer_options=None, context_img_len=None, **kwargs):
        picture = 0.0
        if hasattr(module, "k_img"):
            k, v = context[:, :context_img_len], context[:, context_img_len:]
            k, context, v = module.norm_k_img(module.k_img(k)), v, module.v_img(k)
            q, options = module.norm_q(module.q(x)), transformer_options
            picture = host.optimized_attention(q, k, v, heads=module.num_heads, transformer_options=options)
            apart = len(context) == 2
        else:
            apart = len(context) > 1 and not whole_batch
        return module.o((halved if apart else guide)(module, x, context, transformer_options) + picture)

    def bound(module, *args, **kwargs):
        return wrapped(module, *args, **kwargs)

    named(bound, KJ, "WanCrossAttentionPatch.__get__.<locals>.wrapped_attention")
    return with_forwards(model, lambda layer: bound)


def torch_attention(q, k, v, heads, mask, layer, options):
    """Torch's kernel past the override, as Prompt Relay calls it, so that its mask gets there."""
    return host.attention_pytorch(q, k, v, heads, mask=mask, _inside_attn_wrapper=True, transformer_options=options)


def relayed(model, mask: torch.Tensor | None, attend=torch_attention):
    """As Prompt Relay: `mask` `(L, T)` is added to the text's logits, in calls that are not the negative's alone."""

    def forward_of(layer):
        def relay(module, x, context, context_img_len=None, transformer_options=None, **kwargs):
            options, picture = transformer_options, 0.0
            q = module.norm_q(module.q(x))
            if hasattr(module, "k_img"):
                before, context = context[:, :context_img_len], context[:, context_img_len:]
                k, v = module.norm_k_img(module.k_img(before)), module.v_img(before)
                picture = host.optimized_attention(q, k, v, heads=module.num_heads, transformer_options=options)
            k, v = module.norm_k(module.k(context)), module.v(context)
            if mask is None or options["cond_or_uncond"] == [1]:
                out = host.optimized_attention(q, k, v, heads=module.num_heads, transformer_options=options)
            else:
                out = attend(q, k, v, module.num_heads, mask.to(q), layer, options)
            return module.o(out + picture)

        def bound(module, *args, **kwargs):
            return relay(module, *args, **kwargs)

        return named(bound, RELAY, "_CrossAttnPatch.__get__.<locals>.wrapped")

    return with_forwards(model, forward_of)


def overridden(model, override):
    """A clone with an override of its attention, put there as packs do."""
    clone = model.clone()
    clone.model_options["transformer_options"]["optimized_attention_override"] = override
    return clone


def selected(backend):
    """As core's Model Attention Backend: `backend` in place of the host's attention."""
    optimized_attention = backend

    def override(_, *args, **kwargs):
        return optimized_attention(*args, **kwargs)

    name = "ModelPatcher.set_model_optimized_attention.<locals>.optimized_attention_override"
    return named(override, "comfy.model_patcher", name)


def sparse(previous=None):
    """As core's Block Sparse Attention: only where queries and keys are alike, here by leaving out every other key."""

    def override(func, q, k, v, heads, mask=None, attn_precision=None, **kwargs):
        if mask is None and q.shape == k.shape:
            return host.attention_pytorch.__wrapped__(q, k[:, ::2], v[:, ::2], heads)
        given = {"mask": mask, "attn_precision": attn_precision, **kwargs}
        return func(q, k, v, heads, **given) if previous is None else previous(func, q, k, v, heads, **given)

    return named(override, "comfy_extras.nodes_sparse_attention", "make_attention_override.<locals>.override")


def of_torch():
    """As GGUF Loader KJ with its attention "sdpa"."""

    def override(func, *args, **kwargs):
        return host.attention_pytorch.__wrapped__(*args, **kwargs)

    return named(override, KJ, "GGUFLoaderKJ.attention_override_pytorch")


def quantised():
    """As Sage by an override: its own kernel, in half floats, whatever the call's are."""

    def override(func, q, k, v, heads, **kwargs):
        q, k, v = (some.half().unflatten(2, (heads, -1)).transpose(1, 2) for some in (q, k, v))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2).float()

    return named(override, KJ, "PathchSageAttentionKJ.patch.<locals>.attention_override_sage")


# --- what other packs do to a call: each a function of it, of the latent, the times and the text --------------------


def rows_apart(call, x, t, text):
    return torch.cat([call(*row) for row in zip(x.split(1), t.split(1), text.split(1), strict=True)])


def rows_in_front(call, x, t, text):
    return call(*(torch.cat((some[:1], some)) for some in (x, t, text)))[1:]


def rows_behind(call, x, t, text):
    return call(*(torch.cat((some, some[:1])) for some in (x, t, text)))[: len(x)]


def rows_twice(call, x, t, text):
    return call(*(some.repeat_interleave(2, 0) for some in (x, t, text)))[::2]


def tiles_in_the_batch(call, x, t, text):
    halves = call(torch.cat(x.chunk(2, -1)), torch.cat((t, t)), torch.cat((text, text)))
    return torch.cat(halves.chunk(2), -1)


def tiles_one_by_one(call, x, t, text):
    return torch.cat([call(tile, t, text) for tile in x.chunk(2, -1)], -1)


def on_its_side(call, x, t, text):
    return call(x.mT.contiguous(), t, text).mT


def enlarged(call, x, t, text):
    return call(x.repeat_interleave(2, -1), t, text)[..., ::2]


def cut_in_time(call, x, t, text):
    return torch.cat([call(part, t, text) for part in x.chunk(2, 2)], 2)


def frames_in_front(call, x, t, text):
    return call(torch.cat((x[:, :, :1], x), 2), t, text)[:, :, 1:]


def around(model, change, acts=lambda sigma: True):
    """As a pack does it by the model's function wrapper: before the host's apply_model."""

    def wrapper(apply_model, args):
        given = args["c"]

        def call(x, t, text):
            return apply_model(x, t, **{**given, "c_crossattn": text})

        here = args["input"], args["timestep"], given["c_crossattn"]
        return change(call, *here) if acts(float(args["timestep"][0])) else call(*here)

    clone = model.clone()
    clone.set_model_unet_function_wrapper(wrapper)
    return clone


def inside(model, change, acts=lambda sigma: True):
    """As a pack does it by a wrapper of the network: behind the host's apply_model."""

    def wrapper(executor, x, t, text, clip_fea, concat, options, **kwargs):
        def call(x, t, text):
            return executor(x, t, text, clip_fea, concat, options, **kwargs)

        return (change(call, x, t, text)) if acts(float(options["sigmas"][0])) else call(x, t, text)

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "a pack", wrapper)
    return clone
