# Draws docs/measurements/plots from the data that `report` wrote to `work`.
set terminal svg size 720,420 font 'sans-serif,13' background 'white'
set grid
set key outside right
set output 'docs/measurements/plots/growth.svg'
set title 'Throughput and stored messages, 64 connections'
set xlabel 'stored messages'
set ylabel 'requests per second'
set logscale x
set xrange [8000:12500000]
set xtics (10000, 1000000, 10000000) format '%.0s%c'
set yrange [0:*]
plot work.'/growth' using 1:2 with linespoints lw 2 title 'send', \
     '' using 1:3 with linespoints lw 2 title 'history page', \
     '' using 1:4 with linespoints lw 2 title 'conversation list'
set xrange [14:290]
set output 'docs/measurements/plots/latency.svg'
set title 'Latency and connections, a million messages'
set xlabel 'connections'
set ylabel 'ms'
set xtics (16, 64, 256) format '%g'
plot work.'/latency' using 1:2 with linespoints lw 2 lc 1 title 'send, median', \
     '' using 1:3 with linespoints dt 2 lc 1 title 'send, p99', \
     '' using 1:4 with linespoints lw 2 lc 2 title 'page, median', \
     '' using 1:5 with linespoints dt 2 lc 2 title 'page, p99', \
     '' using 1:6 with linespoints lw 2 lc 3 title 'list, median', \
     '' using 1:7 with linespoints dt 2 lc 3 title 'list, p99'
unset logscale x
set output 'docs/measurements/plots/delivery.svg'
set title 'From the due send to the frame at the receiver, 10,000 receivers online'
set xlabel 'sends, % of the peak without receivers'
set ylabel 'ms'
set xrange [8:62]
set xtics 10,10,60
set logscale y
set yrange [1:*]
plot work.'/delivery' using 1:2 with linespoints lw 2 lc 1 title 'one instance, median', \
     '' using 1:3 with linespoints dt 2 lc 1 title 'one instance, p99', \
     '' using 1:4 with linespoints lw 2 lc 2 title 'across two, median', \
     '' using 1:5 with linespoints dt 2 lc 2 title 'across two, p99'
