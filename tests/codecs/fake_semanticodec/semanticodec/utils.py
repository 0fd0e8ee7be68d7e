"""Loudness in place of the spectrogram."""

import torch


def extract_kaldi_fbank_feature(waveform, sampling_rate, target_length=1024):
    assert sampling_rate == 16000
    assert waveform.shape == (1, 160 * target_length)
    return {"ta_kaldi_fbank": waveform.reshape(target_length, 160)[:, :128].abs() + torch.arange(128) / 512}
