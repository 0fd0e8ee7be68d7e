-- A store for report.py: a million scores of 40 pairs of codecs. Values follow from the names, by hashes.

CREATE TEMP TABLE codec AS
    SELECT format('v{:02d}', i) AS codec, 'video' AS modality, 4.0 * (1 + 0.08 * i) AS first_kbps FROM range(10) t(i)
    UNION ALL SELECT format('a{}', i), 'audio', 1.5 * (1 + 0.2 * i) FROM range(4) t(i);
CREATE TEMP TABLE metric AS
    SELECT unnest(['ms_ssim', 'psnr', 'psnr_y', 'ssim', 'vmaf', 'vmaf_neg', 'xpsnr', 'csim']) AS metric,
           'video' AS modality, 'frame' AS kind, true AS higher
    UNION ALL SELECT unnest(['dists', 'lpips_alex', 'lpips_vgg', 'lpips_alex_unnormalized']), 'video', 'frame', false
    UNION ALL SELECT unnest(['pesq', 'stoi', 'estoi', 'visqol_speech', 'si_sdr']), 'audio', 'clip', true
    UNION ALL SELECT unnest(['mel_dac_eval', 'stft_dac_eval', 'wer_whisper']), 'audio', 'clip', false
    UNION ALL SELECT unnest(['lse_c', 'avs_m', 'avs_v']), 'pair', 'pair', true
    UNION ALL SELECT 'lse_d', 'pair', 'pair', false
    UNION ALL SELECT 'fid', 'video', 'set', false;
CREATE TEMP MACRO noise(a) AS (hash(a) % 1000003)::DOUBLE / 1000003 - 0.5;
CREATE TEMP MACRO score(quality, higher, name) AS
    CASE WHEN higher THEN quality ELSE 1 - quality END + 0.02 * noise(name);

INSERT INTO runs BY NAME SELECT 'run' AS run_id, TIMESTAMP '2025-01-01' AS started_at,
    TIMESTAMP '2025-01-02' AS finished_at, 'speed' AS suite, '0' AS talkbench_version,
    '{"anchors": {"video": "v00", "audio": "a0", "total": "v00+a0"}}' AS suite_resolved, '{}' AS environment;
INSERT INTO datasets VALUES ('speed', true, 'none', '');
INSERT INTO clips BY NAME SELECT format('clip{:03d}', i) AS clip_id, 'speed' AS dataset, clip_id AS name,
    'x' AS sha256, 125 AS frames, 256 AS height, 256 AS width, 25.0 AS fps, 80000 AS samples,
    16000 AS sample_rate, 1 AS channels, 'someone' AS speaker, 'a few words' AS transcript, 'ok' AS status,
    true AS selected FROM range(200) t(i);
INSERT INTO codecs BY NAME SELECT codec, codec AS fingerprint, '1' AS version, 'neural' AS family,
    [modality] AS modalities, 'none' AS weights, '{}' AS build, '{}' AS options, 'ok' AS status,
    true AS selected FROM codec;
INSERT INTO metrics BY NAME SELECT metric, metric AS fingerprint, metric AS family, kind, modality, '' AS unit,
    higher AS higher_is_better, CASE metric WHEN 'wer_whisper' THEN 'weighted' ELSE 'mean' END AS aggregate,
    '{}' AS build, '{}' AS options, 'none' AS weights, 'ok' AS status, true AS selected FROM metric;
INSERT INTO systems BY NAME SELECT codec AS system, modality AS kind,
    CASE modality WHEN 'video' THEN codec END AS video_codec, CASE modality WHEN 'audio' THEN codec END AS audio_codec,
    false AS listed, true AS selected FROM codec
    UNION ALL SELECT v.codec || '+' || a.codec, 'pair', v.codec, a.codec, true, true
    FROM codec v, codec a WHERE v.modality = 'video' AND a.modality = 'audio';

CREATE TEMP TABLE encode AS
    SELECT k.codec || '/' || i || '/' || c.clip_id AS encode_id, k.codec, k.modality, 'p' || i AS point, c.clip_id,
           k.first_kbps * 2.2 ** i * (1 + 0.3 * noise(c.clip_id)) AS kbps,
           0.2 * i + 0.1 * noise(c.clip_id || 'hard') + 0.02 * noise(encode_id) + 0.1 AS quality,
           k.codec IN ('v03', 'v07', 'a2') AND hash(encode_id) % 211 = 0 AS failed
    FROM codec k, range(5) t(i), clips c;
INSERT INTO encodes BY NAME SELECT encode_id, codec, codec AS fingerprint, point,
    json_object('qp', point) AS params, clip_id, CASE WHEN failed THEN 'failed' ELSE 'ok' END AS status,
    CASE WHEN failed THEN 'codec said no' END AS error,
    CASE WHEN NOT failed THEN CASE modality WHEN 'video' THEN (kbps * 5000)::BIGINT ELSE 0 END END AS bits_video,
    CASE WHEN NOT failed THEN CASE modality WHEN 'audio' THEN (kbps * 5000)::BIGINT ELSE 0 END END AS bits_audio,
    CASE WHEN NOT failed THEN 0 END AS bits_joint,
    CASE WHEN NOT failed THEN json_object('keyframe', (kbps * 2000)::BIGINT, 'motion', (kbps * 3000)::BIGINT) END AS parts,
    5.0 AS duration_s, 'x' AS bitstream_sha256, 2.0 AS encode_s, 'cpu' AS encode_device, 300000000 AS peak_rss_bytes,
    CASE WHEN NOT failed THEN 'ok' END AS decode_status, 0.5 AS decode_s, 'cpu' AS decode_device, 'run' AS run_id,
    true AS selected FROM encode;
INSERT INTO scores BY NAME SELECT encode_id, metric, metric AS fingerprint,
    score(quality, higher, encode_id || metric) AS value,
    CASE kind WHEN 'frame' THEN list_transform(range(125), lambda n: (quality + 0.01 * (n % 7))::FLOAT) END AS frame_values,
    1.0 + length(clip_id || metric) % 5 AS weight, 'ok' AS status, 'run' AS run_id
    FROM encode e JOIN metric m USING (modality) WHERE NOT failed AND kind <> 'set';
INSERT INTO scores BY NAME SELECT 'reference:' || clip_id AS encode_id, metric, metric AS fingerprint,
    CASE WHEN higher THEN 1.2 ELSE -0.2 END AS value, 1.0 AS weight, 'ok' AS status, 'run' AS run_id
    FROM clips, metric WHERE modality <> 'pair' AND kind <> 'set';
INSERT INTO pair_scores BY NAME
    WITH sight AS (SELECT * FROM encode WHERE modality = 'video' AND NOT failed
                   UNION ALL BY NAME SELECT 'reference:' || clip_id AS encode_id, clip_id, 1.2 AS quality FROM clips),
         sound AS (SELECT * FROM encode WHERE modality = 'audio' AND NOT failed
                   UNION ALL BY NAME SELECT 'reference:' || clip_id AS encode_id, clip_id, 1.2 AS quality FROM clips)
    SELECT v.encode_id AS video_encode_id, a.encode_id AS audio_encode_id, metric, metric AS fingerprint,
           score(0.8 * v.quality + 0.2 * a.quality, higher, metric || v.encode_id) AS value,
           'ok' AS status, 'run' AS run_id
    FROM sight v JOIN sound a USING (clip_id), metric WHERE metric.modality = 'pair';
INSERT INTO set_features BY NAME SELECT encode_id, 'fid' AS metric, 'fid' AS fingerprint, 125 AS n, 'ok' AS status
    FROM encode WHERE modality = 'video' AND NOT failed;
INSERT INTO set_scores BY NAME SELECT 'speed' AS dataset, codec, codec AS fingerprint, point, 'fid' AS metric,
    'fid' AS metric_fingerprint, 200 * (1 - avg(quality)) AS value, 125 * count(*) AS n, count(*) AS clips,
    'ok' AS status FROM encode WHERE modality = 'video' AND NOT failed GROUP BY codec, point;
