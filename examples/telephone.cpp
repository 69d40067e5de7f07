// The telephone's text door: a text on TCP 8090, its audio back on the same connection, written as a WAV file.
// c++ -std=c++17 -O2 examples/telephone.cpp -o telephone && ./telephone "Hello there." hello.wav
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

static std::string number(uint32_t value) {  // integers are big-endian
    value = htonl(value);
    return std::string(reinterpret_cast<char*>(&value), 4);
}

static std::string little(uint32_t value, int bytes) {  // but for those of a WAV file
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
}

int main(int argc, char** argv) {
    const std::string text = argc > 1 ? argv[1] : "Hello. How can I help you today?", call = "7";
    const char* port = std::getenv("KOKORO_TCP_PORT");
    sockaddr_in door{};
    door.sin_family = AF_INET;
    door.sin_port = htons(static_cast<uint16_t>(std::atoi(port ? port : "8090")));
    door.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int line = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(line, reinterpret_cast<sockaddr*>(&door), sizeof door)) return perror("connect"), 1;

    // HELLO with the call, one text frame (any number may follow, at any time), BYE.
    const std::string said = number(call.size()) + call + number(text.size()) + text + number(0xFFFFFFFF);
    const auto started = std::chrono::steady_clock::now();
    if (send(line, said.data(), said.size(), 0) != static_cast<ssize_t>(said.size())) return perror("send"), 1;

    std::string samples;  // float32, little-endian, mono
    uint32_t header[3];   // bytes of samples, sample rate, chunk id
    uint32_t rate = 0;
    while (recv(line, header, sizeof header, MSG_WAITALL) == sizeof header) {
        if (!rate) {
            const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - started;
            std::cout << "first audio after " << waited.count() << " s\n";
        }
        rate = ntohl(header[1]);
        std::string frame(ntohl(header[0]), '\0');
        if (recv(line, frame.data(), frame.size(), MSG_WAITALL) != static_cast<ssize_t>(frame.size())) break;
        samples += frame;
    }
    close(line);
    if (!rate) return std::cerr << "no audio: the service's log says why\n", 1;

    std::ofstream wav(argc > 2 ? argv[2] : "telephone.wav", std::ios::binary);
    const uint32_t size = static_cast<uint32_t>(samples.size());
    wav << "RIFF" << little(36 + size, 4) << "WAVEfmt " << little(16, 4) << little(3, 2) << little(1, 2) << little(rate, 4)
        << little(rate * 4, 4) << little(4, 2) << little(32, 2) << "data" << little(size, 4) << samples;
    return wav.flush() ? 0 : 1;
}
