cd /tmp/wt/me-data; . ./tls_try.sh
(bash pub.sh 30 srtx &) ; sleep 4
echo "valid:"; timeout 20 ffmpeg -hide_banner -loglevel error -stats -i "srt://127.0.0.1:39080?streamid=#!::h=srt,r=live/srtx,m=request" -t 5 -c copy -f mpegts -y out.ts 2>&1 | tail -c 120; ls -la out.ts | awk '{print $5}'
k $U/v1/streams | grep -o '"stream":"[^"]*","vhost":"[^"]*"\|"viewers":[0-9]*'
echo "stranger publishes:"; timeout 6 ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc2=s=320x180:r=25 -c:v libx264 -preset ultrafast -g 25 -t 5 -f mpegts "srt://127.0.0.1:39080?streamid=#!::h=srt,r=live/evil,m=publish" 2>&1 | tail -1; timeout 6 ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc2=s=320x180:r=25 -c:v libx264 -preset ultrafast -g 25 -t 5 -f mpegts "srt://127.0.0.1:39080?streamid=#!::h=srt,r=live/evil,sluice_pull=srt.xx,m=publish" 2>&1 | tail -1
pgrep -af "h=srt" | cut -c1-160; sleep 12; echo "after linger:"; pgrep -af "h=srt" | cut -c1-100
