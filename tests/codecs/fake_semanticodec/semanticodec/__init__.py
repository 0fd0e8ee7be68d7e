"""Not SemantiCodec: a stand-in with the interface of its package, for tests of the adapter alone.

It has the package's tokens, segments, windows, draws and files, and in place of its networks two quantizers
of loudness, and tones.
"""

import math
import os

import numpy as np
import torch

SEGMENT = 163840


class SemantiCodec(torch.nn.Module):
    def __init__(
        self,
        token_rate,
        semantic_vocab_size,
        ddim_sample_step=50,
        cfg_scale=2.0,
        checkpoint_path=None,
        cache_path="pretrained",
    ):
        super().__init__()
        self.stack_factor_K = 100 / token_rate
        self.ddim_sample_step, self.cfg_scale = ddim_sample_step, cfg_scale
        kinds = {25: 128, 100: 512}
        stack = f"codebook_idx/combine_{kinds[token_rate]}_audioset_dominate"
        codebook = f"{checkpoint_path}/{stack}/codebook_{semantic_vocab_size // 2}_0.npy"
        paths = [f"{checkpoint_path}/{name}.ckpt" for name in ("encoder", "decoder")]
        for path in (*paths, codebook):
            if not os.path.exists(path):
                raise AssertionError(f"would download {path}")
        print("loading")
        torch.randn(5)  # as layers do before their weights are read
        self.encoder = Encoder(int(self.stack_factor_K), torch.from_numpy(np.load(codebook)))
        self.decoder = Decoder()
        self.encoder.load_state_dict(torch.load(paths[0], map_location="cpu"))
        self.decoder.load_state_dict(torch.load(paths[1], map_location="cpu"))
        self.device = torch.device("cpu")

    def decode(self, tokens):
        window = int(512 / self.stack_factor_K)
        step = window - window // 16
        starts = [0]
        while starts[-1] + window < tokens.shape[1]:
            starts.append(starts[-1] + step)
        made = []
        for start in starts:
            part = tokens[:, start : start + window]
            latent = torch.zeros(1, window, 2)
            latent[:, : part.shape[1]] = part / torch.tensor([32768, 8192])
            made.append(
                self.decoder.generate_sample(
                    latent, ddim_steps=self.ddim_sample_step, unconditional_guidance_scale=self.cfg_scale
                )
            )
        overlap = int(0.64 * 16000)
        sound = made[0]
        for after in made[1:]:
            sound = np.concatenate([sound[..., :-overlap], after], axis=-1)
        duration = (tokens.shape[1] / 8) * 16 * 0.01 * self.stack_factor_K
        return sound[..., : int(duration * 16000)]


class Encoder(torch.nn.Module):
    codebook_size = 8192

    def __init__(self, stack, centroids):
        super().__init__()
        self.side = {1: 1, 4: 2}[stack]
        self.centroid_npy = centroids
        self.scale = torch.nn.Parameter(torch.zeros(1))
        self.device = None
        self.eval()

    def forward(self, bands):
        assert bands.shape[2] == 128
        assert bands.shape[1] % 1024 == 0
        size = 16 * self.side
        patches = bands.reshape(1, bands.shape[1] // size, size, 128 // size, size).mean(dim=(2, 4))
        levels = (patches * self.scale).clamp(0, 1).reshape(1, -1)
        semantic = (levels * 32767).floor()
        acoustic = ((levels * 32767 - semantic) * 8191).floor()
        return torch.stack([semantic, acoustic], dim=-1).long()


class Decoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.loud = torch.nn.Parameter(torch.zeros(1))
        self.device = None

    def generate_sample(self, latent, ddim_steps, unconditional_guidance_scale):
        assert (ddim_steps, unconditional_guidance_scale) == (50, 2.0)
        assert not self.training
        bands = {512: 8, 128: 4}[latent.shape[1]]
        columns = latent.reshape(-1, bands, 2).repeat_interleave(SEGMENT // (latent.shape[1] // bands), 0)
        time = torch.arange(SEGMENT)[:, None] / 16000
        phases = 2 * math.pi * 125 * (1 + torch.arange(bands)) * time
        sound = (columns[..., 0] * phases.cos() + columns[..., 1] * phases.sin()).sum(dim=1) / bands
        sound = sound * self.loud + 0.01 * torch.randn((SEGMENT,), device=latent.device)
        return torch.cat([sound, torch.full((32,), 9.0)])[None, None].detach().numpy()
