-- The store (DuckDB). One writer. Columns carry their unit. Missing is NULL with a status, never 0 or NaN.
-- status: ok | failed | timeout | oom | unavailable

CREATE TABLE IF NOT EXISTS runs (
    run_id VARCHAR PRIMARY KEY,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,               -- NULL while running, or when the run was killed
    command VARCHAR,                     -- as typed
    suite VARCHAR,
    suite_sha256 VARCHAR,
    suite_resolved JSON,                 -- the suite after overrides, as it ran
    plan_sha256 VARCHAR,                 -- over all cells of the plan and their descriptions: equal plans, equal tables
    talkbench_version VARCHAR,
    git_commit VARCHAR,
    git_dirty BOOLEAN,
    environment JSON,                    -- CPU, GPU, driver, operating system, library versions
    workers INTEGER,
    device VARCHAR,
    wall_s DOUBLE,
    prepare_s DOUBLE,                    -- worker seconds of this run, by stage
    encode_s DOUBLE,
    decode_s DOUBLE,
    score_s DOUBLE,
    preview_s DOUBLE,
    source VARCHAR                       -- of a merged store: the archive or folder that it came from, and by whom
);

CREATE TABLE IF NOT EXISTS clips (
    clip_id VARCHAR PRIMARY KEY,         -- H(dataset, name, sha256)
    dataset VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    sha256 VARCHAR,                      -- of the prepared clip
    frames INTEGER, height INTEGER, width INTEGER, fps DOUBLE,
    samples BIGINT, sample_rate INTEGER, channels INTEGER,
    speaker VARCHAR, transcript VARCHAR, licence VARCHAR,
    note VARCHAR,                        -- remark of the preparation ('no face found: centre crop')
    truth JSON,                          -- exact ground truth of rendered clips
    status VARCHAR NOT NULL,
    error VARCHAR,
    item_key VARCHAR,                    -- key over everything that preparation depends on
    prepare_s DOUBLE,
    run_id VARCHAR,
    selected BOOLEAN NOT NULL            -- part of the latest plan
);

CREATE TABLE IF NOT EXISTS datasets (
    dataset VARCHAR PRIMARY KEY,
    synthetic BOOLEAN NOT NULL,          -- rendered, not recorded
    licence VARCHAR,
    note VARCHAR
);

CREATE TABLE IF NOT EXISTS codecs (
    codec VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    version VARCHAR, family VARCHAR,     -- conventional | neural | generative | floor (lower-bound baseline)
    modalities VARCHAR[],                -- video, audio
    licence VARCHAR, paper VARCHAR,
    weights VARCHAR,                     -- none | official | synthetic (a small in-house model of the method)
    build JSON, options JSON,
    parameters BIGINT,                   -- learned ones; NULL: none, or not known
    status VARCHAR NOT NULL,             -- ok | unavailable
    error VARCHAR,                       -- why it is unavailable, and the fix
    selected BOOLEAN NOT NULL,
    PRIMARY KEY (codec, fingerprint)
);

CREATE TABLE IF NOT EXISTS metrics (
    metric VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    family VARCHAR,                      -- the file in metrics/
    kind VARCHAR,                        -- frame | clip | pair | set
    modality VARCHAR,                    -- video | audio | pair
    unit VARCHAR, higher_is_better BOOLEAN,
    bound_low DOUBLE, bound_high DOUBLE, -- NULL where unbounded
    definition VARCHAR, paper VARCHAR,
    aggregate VARCHAR,                   -- mean over clips, or weighted by scores.weight
    build JSON, options JSON,
    weights VARCHAR,                     -- none | official | synthetic (a small in-house network)
    status VARCHAR NOT NULL,             -- ok | unavailable
    error VARCHAR,                       -- why it is unavailable, and the fix
    selected BOOLEAN NOT NULL,
    PRIMARY KEY (metric, fingerprint)
);

-- What a listener-viewer receives. Every codec of a pair is also a system alone (kind video or audio).
CREATE TABLE IF NOT EXISTS systems (
    system VARCHAR PRIMARY KEY,          -- 'vvc+opus', 'avcc', 'vvc'
    kind VARCHAR NOT NULL,               -- pair | joint | video | audio
    video_codec VARCHAR,                 -- NULL for kind audio
    audio_codec VARCHAR,                 -- NULL for kind video; equal to video_codec for kind joint
    listed BOOLEAN NOT NULL,             -- requested by the suite, not merely a component
    selected BOOLEAN NOT NULL
);

CREATE TABLE IF NOT EXISTS encodes (
    encode_id VARCHAR PRIMARY KEY,       -- H(clip sha256, codec fingerprint, point params)
    codec VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    point VARCHAR NOT NULL,
    params JSON NOT NULL,
    clip_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    error VARCHAR,
    bits_video BIGINT, bits_audio BIGINT, bits_joint BIGINT,
    parts JSON,                          -- name -> bits, in bitstream order
    duration_s DOUBLE,
    bitstream_sha256 VARCHAR,
    encode_s DOUBLE, encode_device VARCHAR,
    peak_rss_bytes BIGINT, peak_gpu_bytes BIGINT, -- used by encoding, beyond the loaded codec; NULL: not measured
    decode_status VARCHAR, decode_error VARCHAR,
    decode_s DOUBLE, decode_device VARCHAR,
    decoded_sha256 VARCHAR,              -- of the decoded clip that the scores were computed from
    run_id VARCHAR,
    selected BOOLEAN NOT NULL,           -- part of the latest plan
    decode_peak_rss_bytes BIGINT, decode_peak_gpu_bytes BIGINT -- the same for decoding; if NULL, the above are of the whole worker
);

-- A metric of one encode. `encode_id` 'reference:CLIP_ID' is the clip itself, uncoded.
CREATE TABLE IF NOT EXISTS scores (
    encode_id VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    value DOUBLE,
    frame_values FLOAT[],
    weight DOUBLE,                       -- weight of the clip in a weighted aggregate
    detail JSON,
    status VARCHAR NOT NULL,
    error VARCHAR,
    run_id VARCHAR,
    PRIMARY KEY (encode_id, metric, fingerprint)
);

-- A metric of one video with one audio; either may be the clip's own, 'reference:CLIP_ID'.
CREATE TABLE IF NOT EXISTS pair_scores (
    video_encode_id VARCHAR NOT NULL,
    audio_encode_id VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    value DOUBLE, weight DOUBLE, detail JSON,
    status VARCHAR NOT NULL, error VARCHAR, run_id VARCHAR,
    PRIMARY KEY (video_encode_id, audio_encode_id, metric, fingerprint)
);

-- The features that a distribution metric keeps for one encode, or for the clip itself ('reference:CLIP_ID').
CREATE TABLE IF NOT EXISTS set_features (
    encode_id VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    n BIGINT,                            -- rows of features: frames
    sha256 VARCHAR,                      -- of the file
    detail JSON,
    status VARCHAR NOT NULL, error VARCHAR, run_id VARCHAR,
    PRIMARY KEY (encode_id, metric, fingerprint)
);

CREATE TABLE IF NOT EXISTS set_scores (
    dataset VARCHAR NOT NULL,
    codec VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    point VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    metric_fingerprint VARCHAR NOT NULL,
    value DOUBLE,
    n BIGINT,                            -- frames on each side
    clips BIGINT,                        -- number of clips that they come from
    note VARCHAR,                        -- caveat for readers ('N is below the dimension')
    inputs VARCHAR,                      -- hash over the features that it was computed from
    status VARCHAR NOT NULL, error VARCHAR, run_id VARCHAR,
    PRIMARY KEY (dataset, codec, fingerprint, point, metric, metric_fingerprint)
);

-- Small pictures and sounds of an encode, or of the clip itself ('reference:CLIP_ID'), for the report to show.
-- Their files are in artifacts/previews/ENCODE_ID (with '-' for ':'). No score is made from them.
CREATE TABLE IF NOT EXISTS previews (
    encode_id VARCHAR PRIMARY KEY,
    clip_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL,             -- ok | failed | unavailable
    error VARCHAR,
    bytes BIGINT,                        -- of all its files
    detail JSON,                         -- names, shapes and hashes of the files: docs/running.md
    run_id VARCHAR
);

-- Every system against every other one. Written at the end of a sweep from the scores, by benchmark/analysis/bd_rate.py;
-- recomputed each time.
CREATE TABLE IF NOT EXISTS bd_rates (
    dataset VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    anchor VARCHAR NOT NULL,
    rate VARCHAR NOT NULL,               -- video | audio | total
    metric VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,        -- of the metric
    status VARCHAR NOT NULL,             -- ok | low_overlap | no_overlap | non_monotone | too_few_points
    bd_rate DOUBLE,                      -- percent; negative: needs less rate than the anchor. PCHIP, curve of clip means
    ci_low DOUBLE, ci_high DOUBLE,       -- 95 % paired bootstrap over clips; of over 60 systems only against the default anchor
    bd_rate_median DOUBLE,               -- median of per-clip BD-rates
    bd_rate_akima DOUBLE, bd_rate_cubic DOUBLE, -- against the default anchor only
    overlap DOUBLE,                      -- percent of the joint quality range
    points INTEGER, anchor_points INTEGER,
    clips INTEGER,                       -- clips that both curves cover
    median_clips INTEGER,                -- clips whose own two curves give a BD-rate: what the median is over
    default_anchor BOOLEAN,              -- the suite's anchor of this rate: what the view `leaderboard` shows
    PRIMARY KEY (dataset, system, anchor, rate, metric, fingerprint)
);

-- Columns that stores of talkbench 0.1 lack.
ALTER TABLE runs ADD COLUMN IF NOT EXISTS preview_s DOUBLE;
ALTER TABLE runs ADD COLUMN IF NOT EXISTS source VARCHAR;
ALTER TABLE codecs ADD COLUMN IF NOT EXISTS parameters BIGINT;
ALTER TABLE metrics ADD COLUMN IF NOT EXISTS weights VARCHAR;
ALTER TABLE encodes ADD COLUMN IF NOT EXISTS decoded_sha256 VARCHAR;
ALTER TABLE encodes ADD COLUMN IF NOT EXISTS decode_peak_rss_bytes BIGINT;
ALTER TABLE encodes ADD COLUMN IF NOT EXISTS decode_peak_gpu_bytes BIGINT;
ALTER TABLE set_scores ADD COLUMN IF NOT EXISTS clips BIGINT;
ALTER TABLE set_scores ADD COLUMN IF NOT EXISTS note VARCHAR;
ALTER TABLE set_scores ADD COLUMN IF NOT EXISTS inputs VARCHAR;
ALTER TABLE bd_rates ADD COLUMN IF NOT EXISTS default_anchor BOOLEAN;

-- One row per decoded clip of the plan, with its rates.
CREATE OR REPLACE VIEW clip_points AS
SELECT c.dataset, e.codec, e.point, e.clip_id, e.encode_id,
       (e.bits_video + e.bits_joint) / 1000.0 / e.duration_s AS kbps_video,
       (e.bits_audio + e.bits_joint) / 1000.0 / e.duration_s AS kbps_audio,
       (e.bits_video + e.bits_audio + e.bits_joint) / 1000.0 / e.duration_s AS kbps_total
FROM encodes e JOIN clips c USING (clip_id)
WHERE e.selected AND c.selected AND e.status = 'ok' AND e.decode_status = 'ok';

-- The same for systems: a pair is the grid of its codecs' points on each clip.
CREATE OR REPLACE VIEW system_clip_points AS
SELECT p.dataset, s.system, s.kind, p.point, p.point AS video_point, NULL AS audio_point, p.clip_id,
       p.encode_id AS video_encode_id, NULL AS audio_encode_id,
       p.kbps_video, NULL AS kbps_audio, p.kbps_total
FROM systems s JOIN clip_points p ON p.codec = s.video_codec
WHERE s.kind = 'video' AND s.selected
UNION ALL
SELECT p.dataset, s.system, s.kind, p.point, NULL, p.point, p.clip_id, NULL, p.encode_id,
       NULL, p.kbps_audio, p.kbps_total
FROM systems s JOIN clip_points p ON p.codec = s.audio_codec
WHERE s.kind = 'audio' AND s.selected
UNION ALL
SELECT p.dataset, s.system, s.kind, p.point, p.point, p.point, p.clip_id, p.encode_id, p.encode_id,
       p.kbps_video, p.kbps_audio, p.kbps_total
FROM systems s JOIN clip_points p ON p.codec = s.video_codec
WHERE s.kind = 'joint' AND s.selected
UNION ALL
SELECT v.dataset, s.system, s.kind, v.point || '|' || a.point, v.point, a.point, v.clip_id,
       v.encode_id, a.encode_id, v.kbps_video, a.kbps_audio, v.kbps_total + a.kbps_total
FROM systems s
JOIN clip_points v ON v.codec = s.video_codec
JOIN clip_points a ON a.codec = s.audio_codec AND a.clip_id = v.clip_id
WHERE s.kind = 'pair' AND s.selected;

-- Every usable score of a system on a clip, beside the rates that it cost.
-- For a single codec, an audio-visual metric takes the other modality from the clip itself. For a joint codec it is
-- computed on video and audio of one encode: compare it over kbps_total. Over the rate of one modality, use
-- `joint_half_clip_points` to compare with codecs of that modality.
CREATE OR REPLACE VIEW rd_clip_points AS
SELECT p.*, m.metric, m.fingerprint, m.modality, m.higher_is_better, m.aggregate, x.value, x.weight
FROM system_clip_points p
JOIN scores x ON x.encode_id = p.video_encode_id
JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE m.selected AND x.status = 'ok'
UNION ALL
SELECT p.*, m.metric, m.fingerprint, m.modality, m.higher_is_better, m.aggregate, x.value, x.weight
FROM system_clip_points p
JOIN scores x ON x.encode_id = p.audio_encode_id
JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE m.selected AND x.status = 'ok' AND p.kind <> 'joint'
UNION ALL
SELECT p.*, m.metric, m.fingerprint, m.modality, m.higher_is_better, m.aggregate, x.value, x.weight
FROM system_clip_points p
JOIN pair_scores x
  ON x.video_encode_id = coalesce(p.video_encode_id, 'reference:' || p.clip_id)
 AND x.audio_encode_id = coalesce(p.audio_encode_id, 'reference:' || p.clip_id)
JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE m.selected AND x.status = 'ok';

-- An audio-visual metric of one modality of a joint codec, with the clip's own other modality: comparable with
-- single codecs over the rate of one modality. `rate` is that modality, `kbps` the rate (joint parts are in both).
CREATE OR REPLACE VIEW joint_half_clip_points AS
SELECT p.dataset, p.system, p.point, p.clip_id, h.rate,
       CASE h.rate WHEN 'video' THEN p.kbps_video ELSE p.kbps_audio END AS kbps,
       m.metric, m.fingerprint, m.higher_is_better, m.aggregate, x.value, x.weight
FROM system_clip_points p CROSS JOIN (VALUES ('video'), ('audio')) h(rate)
JOIN pair_scores x
  ON x.video_encode_id = CASE h.rate WHEN 'video' THEN p.video_encode_id ELSE 'reference:' || p.clip_id END
 AND x.audio_encode_id = CASE h.rate WHEN 'audio' THEN p.audio_encode_id ELSE 'reference:' || p.clip_id END
JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.fingerprint
WHERE p.kind = 'joint' AND m.selected AND x.status = 'ok';

-- How many clips each dataset's plan has: the 50 of '48 of 50'.
CREATE OR REPLACE VIEW expected_clips AS
SELECT dataset, count(*) AS n_expected FROM clips WHERE selected AND status = 'ok' GROUP BY dataset;

-- Every usable value of a distribution metric, beside the mean rates of the clips that it was computed from.
CREATE OR REPLACE VIEW set_points AS
SELECT p.dataset, p.system, p.kind, p.point, p.video_point, p.audio_point,
       m.metric, m.fingerprint, m.modality, m.higher_is_better,
       avg(p.kbps_video ORDER BY p.clip_id) AS kbps_video,
       avg(p.kbps_audio ORDER BY p.clip_id) AS kbps_audio,
       avg(p.kbps_total ORDER BY p.clip_id) AS kbps_total,
       any_value(x.value) AS value, count(*) AS n_scored, any_value(x.n) AS n
FROM system_clip_points p
JOIN encodes e ON e.encode_id = p.video_encode_id
JOIN set_scores x ON x.dataset = p.dataset AND x.codec = e.codec AND x.fingerprint = e.fingerprint
                 AND x.point = e.point
JOIN metrics m ON m.metric = x.metric AND m.fingerprint = x.metric_fingerprint
JOIN set_features f ON f.encode_id = e.encode_id AND f.metric = m.metric AND f.fingerprint = m.fingerprint
WHERE m.selected AND x.status = 'ok' AND f.status = 'ok'
GROUP BY p.dataset, p.system, p.kind, p.point, p.video_point, p.audio_point,
         m.metric, m.fingerprint, m.modality, m.higher_is_better;

-- The scores of the uncoded clips: the row that every codec is compared with.
CREATE OR REPLACE VIEW reference_points AS
WITH found AS (
    SELECT c.dataset, c.clip_id, x.metric, x.fingerprint, x.value, x.weight
    FROM scores x JOIN clips c ON x.encode_id = 'reference:' || c.clip_id
    WHERE c.selected AND x.status = 'ok'
    UNION ALL
    SELECT c.dataset, c.clip_id, x.metric, x.fingerprint, x.value, x.weight
    FROM pair_scores x JOIN clips c
      ON x.video_encode_id = 'reference:' || c.clip_id AND x.audio_encode_id = x.video_encode_id
    WHERE c.selected AND x.status = 'ok'
)
SELECT f.dataset, m.metric, m.fingerprint, m.modality, m.higher_is_better,
       CASE WHEN any_value(m.aggregate) = 'weighted'
            THEN sum(f.value * f.weight ORDER BY f.clip_id) / nullif(sum(f.weight ORDER BY f.clip_id), 0)
            ELSE avg(f.value ORDER BY f.clip_id) END AS value,
       count(*) AS n_scored, any_value(n.n_expected) AS n_expected
FROM found f JOIN metrics m ON m.metric = f.metric AND m.fingerprint = f.fingerprint
JOIN expected_clips n USING (dataset)
WHERE m.selected
GROUP BY f.dataset, m.metric, m.fingerprint, m.modality, m.higher_is_better;

-- The RD curves: means over clips. Rates are means over the same clips as the value.
-- Sums run in the order of clip_id, so that equal rows give equal means to the last bit.
CREATE OR REPLACE VIEW rd_points AS
SELECT r.dataset, r.system, r.kind, r.point, r.video_point, r.audio_point,
       r.metric, r.fingerprint, r.modality, r.higher_is_better,
       avg(r.kbps_video ORDER BY r.clip_id) AS kbps_video,
       avg(r.kbps_audio ORDER BY r.clip_id) AS kbps_audio,
       avg(r.kbps_total ORDER BY r.clip_id) AS kbps_total,
       CASE WHEN any_value(r.aggregate) = 'weighted'
            THEN sum(r.value * r.weight ORDER BY r.clip_id) / nullif(sum(r.weight ORDER BY r.clip_id), 0)
            ELSE avg(r.value ORDER BY r.clip_id) END AS value,
       count(*) AS n_scored, any_value(n.n_expected) AS n_expected
FROM rd_clip_points r JOIN expected_clips n USING (dataset)
GROUP BY r.dataset, r.system, r.kind, r.point, r.video_point, r.audio_point,
         r.metric, r.fingerprint, r.modality, r.higher_is_better
UNION ALL
SELECT s.dataset, s.system, s.kind, s.point, s.video_point, s.audio_point,
       s.metric, s.fingerprint, s.modality, s.higher_is_better,
       s.kbps_video, s.kbps_audio, s.kbps_total, s.value, s.n_scored, n.n_expected
FROM set_points s JOIN expected_clips n USING (dataset);

CREATE OR REPLACE VIEW leaderboard AS
WITH coverage AS (
    SELECT dataset, system, metric, fingerprint, min(n_scored) AS n_scored, any_value(n_expected) AS n_expected,
           min(kbps_total) AS kbps_total_min, max(kbps_total) AS kbps_total_max,
           min(kbps_video) AS kbps_video_min, max(kbps_video) AS kbps_video_max,
           min(kbps_audio) AS kbps_audio_min, max(kbps_audio) AS kbps_audio_max
    FROM rd_points GROUP BY dataset, system, metric, fingerprint
)
SELECT c.dataset, c.system, s.kind, s.listed, c.metric, c.fingerprint,
       b.rate, b.anchor, b.status AS bd_status, b.bd_rate, b.ci_low, b.ci_high, b.bd_rate_median,
       b.overlap, b.clips, c.n_scored, c.n_expected,
       c.kbps_total_min, c.kbps_total_max, c.kbps_video_min, c.kbps_video_max,
       c.kbps_audio_min, c.kbps_audio_max
FROM coverage c JOIN systems s USING (system)
LEFT JOIN bd_rates b
  ON b.dataset = c.dataset AND b.system = c.system AND b.metric = c.metric AND b.fingerprint = c.fingerprint
 AND b.default_anchor
WHERE s.selected;
