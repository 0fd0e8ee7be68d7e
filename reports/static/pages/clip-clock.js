"use strict";
// The player's clock: the sound that is heard, or the browser's own time where there is none.
// Everything else asks it for the time and shows the frame of that time; nothing else counts frames.

// seconds: length; fps, frames: of the pictures; tick(frame, time): called for each new frame and after each
// jump; changed(): called when it starts or stops; failed(message): a sound that cannot be played.
function clipClock({ seconds, fps, frames, tick, changed, failed }) {
  const sounds = new Map();  // address → audio element
  let position = 0, playing = false, rate = 1, loop = false;
  let range = null;          // [from, to] in seconds, or null for all
  let sound = null;          // the element that is heard, and the clock
  let anchor = null;         // where the browser's own time took over: { at, position }
  let asked = 0;             // changes of sound so far: a slow one must not win over a later one

  const start = () => (range ? range[0] : 0);
  const end = () => (range ? range[1] : seconds);
  const frameAt = (time) => Math.max(0, Math.min(frames - 1, Math.floor(time * fps + 1e-6)));

  function element(address) {
    if (!sounds.has(address)) {
      const made = new Audio();
      made.preload = "auto";
      made.preservesPitch = true;
      made.src = address;
      sounds.set(address, made);
    }
    return sounds.get(address);
  }

  function now() {
    if (!playing) return position;
    if (sound && !sound.paused && !sound.ended) {
      anchor = null;
      return Math.max(sound.currentTime, 0);
    }
    // No sound, or one that is shorter than the pictures: the browser's time continues.
    anchor ??= { at: performance.now(), position };
    return anchor.position + (rate * (performance.now() - anchor.at)) / 1000;
  }

  async function sing() {
    anchor = null;
    if (!sound) return;
    const mine = sound;
    mine.currentTime = position;
    mine.playbackRate = rate;
    // A sound that is over does not begin again by itself; the browser's time has the rest.
    if (mine.duration && position >= mine.duration) return;
    try {
      await mine.play();
    } catch (error) {
      if (error.name === "AbortError" || mine !== sound) return;
      sound = null;
      failed(`The sound cannot be played here (${error.name}).`);
    }
  }

  function step() {
    if (!playing) return;
    position = now();
    if (position >= end()) {
      if (!loop) {
        pause();
        position = end();
        tick(range ? Math.max(frameAt(start()), frameAt(end() - 1e-3)) : frames - 1, position);
        return;
      }
      position = start();
      sing();
    }
    tick(frameAt(position), position);
    requestAnimationFrame(step);
  }

  function play() {
    if (playing) return;
    if (position >= end() - 0.5 / fps || position < start() - 1e-6) position = start();
    playing = true;
    sing();
    changed();
    requestAnimationFrame(step);
  }

  function pause() {
    if (!playing) return;
    position = Math.min(now(), seconds);
    playing = false;
    anchor = null;
    sound?.pause();
    changed();
  }

  function seek(time) {
    position = Math.max(0, Math.min(seconds, time));
    anchor = null;
    if (playing) sing();
    tick(frameAt(position), position);
  }

  // Another sound, or null for none; while playing, the old one is heard until the new one can go on from there.
  async function hear(address) {
    const mine = ++asked;
    const next = address ? element(address) : null;
    if (next === sound) return;
    if (next && playing && next.readyState < HTMLMediaElement.HAVE_CURRENT_DATA && !next.error) {
      await new Promise((resolve) => {
        for (const event of ["canplay", "error"]) next.addEventListener(event, resolve, { once: true });
      });
      if (mine !== asked) return;
    }
    if (playing) position = now();
    sound?.pause();
    sound = next;
    if (next?.error) {
      sound = null;
      failed("The sound's file is missing, or this browser cannot play it.");
    }
    if (playing) sing();
  }

  return {
    play, pause, seek, hear, frameAt,
    seekFrame(frame) {
      const wanted = Math.max(0, Math.min(frames - 1, frame));
      seek(wanted / fps);
      // The cursors stand in the middle of the frame, where the curves have its value.
      tick(wanted, Math.min(seconds, (wanted + 0.5) / fps));
    },
    prepare: (address) => { if (address) element(address); },
    toggle: () => (playing ? pause() : play()),
    setRate: (value) => {
      if (playing) position = now();
      anchor = null;
      rate = value;
      if (sound) sound.playbackRate = value;
    },
    setLoop: (value) => { loop = value; },
    setRange: (value) => { range = value; },
    get playing() { return playing; },
    get time() { return now(); },
    get heard() { return sound; },
  };
}
