"""Every event of the log, what it means and what to do; docs/log.md shows them. A test compares them with the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        level: `error`, `warning`, `info` or `debug`; with a comma where it may be either.
        meaning: what has happened.
        advice: what to do; empty for nothing.
    """

    name: str
    level: str
    meaning: str
    advice: str = ""


_ONCE = "once: ignore"
_REPORT = "keep the trace, report it"
_CHECK = "run `--check`"

EVENTS = (
    # Engines
    Event(
        "segment_failed",
        "error",
        "one sentence could not be spoken; the call continues with the next",
        f"{_ONCE}. Always: wrong voice for the language, missing language package, GPU out of memory: see `error`",
    ),
    Event(
        "text_unreadable",
        "error",
        "no voice that is installed reads what a text is written with; its caller hears nothing of it",
        "see whom the host sends it to; or install [voices](voices.md#languages)",
    ),
    Event("text_failed", "error", "a defect of this service: one text ended early", _REPORT),
    Event("batch_failed", "error", "a defect of this service: the texts in synthesis were lost", _REPORT),
    Event("segment_step_failed", "error", "a defect of this service: one text was lost", _REPORT),
    Event("delivery_failed", "error", "a defect of this service: one call lost its speech", _REPORT),
    Event(
        "engine_paused",
        "error",
        "an engine failed three times in a row, or did not answer; others speak for `pause_s`, then it is tried again",
        "`why` says how; `stalled` for long, or `out_of_memory`: restart the service",
    ),
    Event(
        "engine_unavailable",
        "error",
        "an engine could not be loaded; while it is switched on, it is tried again every 30 s",
        _CHECK,
    ),
    Event("engine_missing", "error", "the engine that is switched on cannot be loaded; the other one speaks", _CHECK),
    Event(
        "supertonic_unavailable",
        "error, info",
        "Supertonic's weights are not there; everything else speaks",
        "`--supertonic fetch`, or `off`",
    ),
    Event(
        "voice_refused",
        "error",
        "the wanted voice is not there; the old one stays",
        "correct `kokoro_voice`: `error` names the voices, or the one that was probably meant",
    ),
    Event(
        "blends_unusable",
        "error",
        "the file of named blends cannot be read; the last good ones stay",
        "correct the file",
    ),
    Event(
        "lexicon_refused",
        "error",
        "the lexicon cannot be read, or an entry cannot be one; the last good lexicon stays",
        "correct the line that `error` names",
    ),
    Event(
        "weights_damaged",
        "error",
        "a file of the weights has changed since it was fetched; calls go on, may sound wrong, and `/readyz` is 503",
        "do as `error` says: delete the directory, start again; then look at the disk",
    ),
    Event(
        "failover",
        "warning",
        "an engine failed; another one continued the text",
        f"{_ONCE}. Often: see `engine_paused`",
    ),
    Event("room_lost", "warning", "a room broke off; another one continued", "often: look at that machine"),
    Event("room_late", "info", "a room was late; another one was asked too"),
    Event("device_missing", "warning", "the device of `--device` is missing; the CPU is used", _CHECK),
    Event(
        "graph_not_captured", "warning", "a CUDA graph could not be captured; windows of that shape are slower", _REPORT
    ),
    Event(
        "kernels_not_compiled",
        "warning",
        "the package ziglang or OpenMP is missing, or the cache directory forbids writing or execution (on CUDA: a C "
        "compiler is missing); synthesis takes several times as long",
        "install the requirements again",
    ),
    Event(
        "voices_not_streamed",
        "warning",
        "there are no statistics for voices of your own, or for other weights; they are spoken sentence by sentence",
        "run `python -m telephony.engines.kokoro.fit --weights-dir DIR` (`--kokoro-voices DIR`), start again",
    ),
    Event(
        "voice_file_refused",
        "warning",
        "a file in `--kokoro-voices` is no voice, or the directory cannot be read; the others speak",
        "`why` says what is wrong",
    ),
    Event("voice_files_found", "info", "voices of `--kokoro-voices` are there"),
    Event("statistics_unusable", "warning", "the file that `fit` wrote cannot be read", "delete it, run `fit` again"),
    Event(
        "piper_voices_missing",
        "warning",
        "`--piper-voices` is no directory; only the first voice is there",
        "correct it",
    ),
    Event(
        "piper_voice_skipped",
        "warning",
        "a voice in `--piper-voices` cannot be read",
        "a voice has two files, `.onnx` and `.onnx.json`",
    ),
    Event(
        "piper_model_missing",
        "warning",
        "`piper_model_path` names no file; the installed voice is used",
        "correct the key",
    ),
    Event("allocator", "info", "which allocator serves, and whether it is tuned"),
    Event("engine_loaded", "info", "the model is loaded, which took `took_s`; `weights` names its source"),
    Event("engine_found", "info", "the voices are known; the model is loaded when it is needed"),
    Event("engine_awaited", "info", "the engine that was switched on is being loaded; the other one speaks until then"),
    Event("engine_resumed", "info", "an engine is used again after a pause"),
    Event("piper_voice_loaded", "info", "a Piper voice is loaded, and how long that took"),
    Event("supertonic_loaded", "info", "Supertonic's model is loaded, and how long that took"),
    Event(
        "selected", "info", "who speaks on the telephone from the next text on; `database` says what switched it off"
    ),
    Event("lexicon_read", "info", "the lexicon was read at the start, or has changed, and how many entries it has"),
    # Weights
    Event(
        "weights_source_failed",
        "warning",
        "a source of the weights failed; the next one is tried",
        "nothing, if `engine_loaded` follows; else look at network, proxy, space",
    ),
    Event(
        "weights_lossy",
        "warning",
        "the weights are the 8-bit ones",
        "install npm or allow the hub, delete the cache directory, start again",
    ),
    Event(
        "weights_unusable",
        "warning",
        "kept weights are incomplete; they are prepared anew",
        f"{_ONCE}. Again: look at the disk",
    ),
    Event("weights_fetching", "info", "weights are being fetched"),
    Event("weights_fetched", "info", "one of the packages of weights is there"),
    Event("weights_converting", "info", "fetched weights are being converted"),
    Event("weights_awaited", "info", "another process prepares the weights"),
    Event("sentence_failed", "warning", "`fit` could not measure a sentence"),
    Event("measured", "info", "how far `fit` is"),
    # Clients
    Event(
        "refused",
        "warning",
        "an endpoint refused a client: `door`, `code`, `peer`, `why`; over HTTP `path`",
        "see [refusals](#refusals)",
    ),
    Event(
        "doors_without_key",
        "warning",
        "other machines can reach these endpoints, which ask for no key",
        "use a loopback address, or a firewall; see [who may do what](../KOKORO_INTEGRATION.md#who-may-do-what)",
    ),
    Event("connection_failed", "error", "a defect of this service: one connection was lost", _REPORT),
    Event("datagram_failed", "error", "a defect of this service: one datagram was lost", _REPORT),
    Event("request_failed", "error", "a defect of this service: one request or WebSocket got an error", _REPORT),
    Event(
        "answer_broken_off",
        "error, warning",
        "an HTTP answer was cut: the speech failed (error), or the client took nothing (warning)",
        "error: see the `segment_failed` before it",
    ),
    Event(
        "descriptors_exhausted",
        "error",
        "the process has no descriptor left; newcomers wait",
        "raise the limit on open files, or find who leaks connections",
    ),
    Event("descriptors_found", "info", "there are descriptors again"),
    Event(
        "client_stalled",
        "warning",
        "a client took no audio for `--send-timeout-s` and was disconnected",
        f"{_ONCE}. Often: look at that client",
    ),
    Event(
        "reply_stalled",
        "warning",
        "a host has not read its audio for `stall_s`",
        "normal for a host that never reads; else look at the host. `--audio-route processor` avoids the work",
    ),
    Event("reply_lost", "info", "a host closed while audio was being sent"),
    Event(
        "document_invalid",
        "warning",
        "a text of the telephone is invalid SSML; its words are spoken",
        "look at the host",
    ),
    Event("connected", "info", "a connection has said which call it is; or a WebSocket, or Wyoming's, is open"),
    Event("disconnected", "info", "it has ended"),
    Event("connection_replaced", "info", "a second HELLO for a call: the older connection is closed"),
    Event("session_started", "info", "a session of the protocols for language models has begun"),
    Event("session_ended", "info", "it has ended, after so many segments and seconds of audio"),
    Event(
        "idle_client_closed", "info", "a WebSocket on which nothing was said was closed: `time`, or `number` for room"
    ),
    Event("client_gone", "debug", "a client of a WebSocket left while something was being sent"),
    Event("event_ignored", "debug", "an event of Wyoming's that is not for a speech service, or newer than this one"),
    Event("close_failed", "debug", "a WebSocket could not be closed in order: its client is gone"),
    Event("connection_lost", "debug", "a telephone connection broke"),
    Event("datagram_ignored", "debug", "a UDP datagram that says nothing"),
    # Calls
    Event(
        "processor_given_up",
        "error",
        "ten tries to reach a call's audio processor failed; its caller hears nothing more on that route",
        "see whether the processor lives and listens on `port`; its next REGISTER tries again",
    ),
    Event("processor_writer_failed", "error", "a defect of this service: one processor's writer ended", _REPORT),
    Event(
        "connector_failed",
        "error",
        "there is no thread or descriptor to connect to audio processors",
        "raise the limits of the process",
    ),
    Event(
        "processor_disconnected",
        "warning",
        "a processor hung up in the call; it is connected again, and nothing unsent is lost",
        "often: look at the processor",
    ),
    Event("registered", "info", "an audio processor says that it listens"),
    Event("processor_connected", "info", "a call's audio processor is connected"),
    Event("processor_ended", "info", "it was told the end of audio"),
    Event("processor_unreachable", "debug", "a try to connect to a processor failed"),
    Event("processor_lost", "debug", "a processor's connection broke"),
    Event("call_interrupted", "info", "barge-in: CANCEL by UDP, or the page (`by=operator`)"),
    Event("call_ended", "info", "BYE by UDP"),
    Event("call_hung_up", "info", "a call was ended from the page (`by=operator`)"),
    Event("text", "debug", "the first 200 characters of a text; the only line with a caller's text"),
    Event("nothing_to_say", "debug", "a text of white space or symbols only"),
    Event(
        "digit",
        "info",
        "a caller of a PBX pressed this key; keys may be a PIN: guard the log like one, or set `LOG_LEVEL=warning`",
    ),
    Event(
        "call_events_lost",
        "warning",
        "the webhook of `--events-url` does not take events; calls go on",
        "see whether it listens, and answers with a status of 200 to 299",
    ),
    Event("call_events_taken", "info", "it takes them again"),
    Event("call_event_failed", "error", "a defect of this service: a subscriber is told of no more calls", _REPORT),
    Event(
        "texts_expired",
        "warning",
        "texts were dropped: their PBX did not connect within `--audiosocket-wait-s`",
        "see whether the PBX reaches the port, with the right UUID",
    ),
    Event("text_broken_off", "warning", "a text to a PBX ended early: the speech failed", "see the line before it"),
    Event(
        "pbx_failed",
        "warning",
        "a PBX reported an error: by AudioSocket the call ended, over a WebSocket it goes on",
        "look at the PBX's log",
    ),
    # Doors that share their calls
    Event(
        "shared_calls_unreachable",
        "warning",
        "Redis does not answer about shared calls; this door goes on alone",
        "see whether Redis lives; datagrams at the wrong door are lost until then",
    ),
    Event("shared_calls_reachable", "info", "it answers again"),
    Event(
        "shared_calls_failed", "error", "a defect of this service: one question about shared calls was lost", _REPORT
    ),
    Event(
        "shared_message_refused",
        "warning",
        "a message was not another door's, or came twice: `error` says how one sees that",
        "set the clocks by NTP and the same `KOKORO_REDIS_SECRET` at all doors; else see who can write to Redis",
    ),
    Event("shared_calls_inbox_lost", "debug", "what other doors forward does not come: Redis is gone for now"),
    Event("call_taken_over", "info", "a call has come from another `door`"),
    Event("call_left", "info", "a call has gone to another door"),
    Event("datagram_offered", "debug", "a datagram for a call of another door, or of none yet"),
    # Phrases
    Event("cache_store_failing", "warning", "the files of phrases or Redis fail; calls go on without", "see `error`"),
    Event("cache_store_recovered", "info", "they work again"),
    Event(
        "cache_corrupt",
        "warning",
        "a kept phrase is damaged or forged; it is made anew",
        f"{_ONCE}. Often: look at the disk, and at who may write to Redis",
    ),
    Event("cache_left_hanging", "warning", "a store of phrases did not answer at the end of the service"),
    Event("cache_lookup_failed", "error", "a defect of this service: one phrase was not looked for", _REPORT),
    Event("cache_keep_failed", "error", "a defect of this service: one phrase was not kept", _REPORT),
    Event(
        "former_phrases_left",
        "warning",
        "files with callers' phrases lie where an earlier version kept them",
        "say `--keep-phrases`, or delete the directory",
    ),
    Event("prerender_needless", "warning", "there is a list of phrases, and no cache to keep them", "give it one"),
    Event("prerender_failed", "warning", "a phrase of the list could not be rendered", "look at phrase `number`"),
    Event("prerender_progress", "info", "how far the list of phrases is"),
    Event("prerender_stopped", "info", "the service stopped before the list was rendered"),
    Event("prerender_done", "info", "the list of phrases is rendered"),
    # Host and operation
    Event(
        "database_unusable",
        "error",
        "see [database](../KOKORO_INTEGRATION.md#database); repeats only when the reason changes",
        "see who holds the lock, and whether path and rights fit",
    ),
    Event("database_usable", "info", "it is usable again"),
    Event("switch_failed", "error", "a defect of this service: the last good settings stay", _REPORT),
    Event("selection_written", "info", "the page or a program wrote into the database who speaks"),
    Event(
        "ports_taken",
        "error",
        "mode `external`: another program has a port",
        "stop the other Piper; the service tries again by itself",
    ),
    Event("starting", "info", "the version, and the engine that is wanted"),
    Event("doors_open", "info", "the telephone's ports are served"),
    Event("announced", "info", "Home Assistant can find the Wyoming endpoint in its network, under `name`"),
    Event(
        "announcement_failed",
        "warning",
        "the Wyoming endpoint is there, but cannot be found in its network",
        "see `error`; give Home Assistant the address by hand",
    ),
    Event("doors_released", "info", "mode `external`: the ports are left to the other Piper"),
    Event(
        "request_log_failed", "error", "the request log cannot be written; calls go on", "see `error`: space, rights"
    ),
    Event(
        "spans_lost",
        "warning",
        "the collector of traces takes none; calls go on",
        "see whether it listens at `url`; the line before says why",
    ),
    Event("spans_taken", "info", "it takes them again"),
    Event("ready_line_lost", "warning", "the line `ready:` could not be printed: standard output is full or gone"),
    Event("env_var_unknown", "warning", "a variable that begins with `KOKORO_` is no setting", "correct its name"),
    Event("env_var_ignored", "info", "a variable of an earlier service, without effect"),
    Event("flag_ignored", "info", "a flag of an earlier service, without effect"),
    Event("config_key_ignored", "info", "a key of a gateway's configuration, without effect"),
    Event("loading", "info", "a step of the engine's start begins: `step` of how many, `elapsed_s` after the first"),
    Event("library_message", "warning, error", "a library's own words", "`library` says whose"),
    Event("stopping", "info", "SIGTERM or SIGINT: calls finish for up to `--drain-timeout-s`"),
    Event("stopped", "info", "the end; `drained=false`: a call was cut"),
)
"""In the order in which a reader looks for them; docs/log.md sorts them by level."""
